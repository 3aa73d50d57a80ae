"""The functions and their API: Chalice's own commands."""

import os
import subprocess
import sys
import time
from pathlib import Path

from operations import chalice_state
from operations.console import Stop, say
from operations.stages import Stage


def chalice(stage: Stage, project: Path, command: str) -> None:
    """Run Chalice's own *command* for the stage, in the region that was checked.

    A Ctrl-C reaches this process alone, and ends Chalice before anything else goes on.
    """
    program = [str(Path(sys.executable).with_name("chalice")), command, "--stage", stage.name]
    # What it says is shown as it happens. To delete, it needs none of the settings that app.py would miss.
    python = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "CHALICE_UNCHECKED": "1"}
    environ = {**os.environ, "AWS_DEFAULT_REGION": stage.region, **python}
    with subprocess.Popen(
        program, cwd=project, env=environ, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            for line in process.stdout or ():
                say(line.rstrip())
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise Stop(f"chalice {command} failed, for the reason above. Running this again goes on from here.")


def restart(stage: Stage, project: Path) -> None:
    """Have every function read the secrets again: it does so once per process, and a change starts it anew."""
    client = stage.client("lambda")
    description = f"Secrets as of {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC"
    for resource in chalice_state.remembered(project, stage.name):
        if resource["resource_type"] == "lambda_function":
            client.get_waiter("function_updated_v2").wait(FunctionName=resource["lambda_arn"])
            client.update_function_configuration(FunctionName=resource["lambda_arn"], Description=description)
    say("the functions restart with the renewed secrets")
