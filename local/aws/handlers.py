"""Prints what Chalice would deploy from the current folder, as JSON: `python handlers.py dev`.

Run by path in a process of its own, because a project's modules (`app`, `chalicelib`) can be imported only once
per process, and with next to nothing in the environment, because on Lambda's build side there is nothing either.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from chalice.config import Config
from chalice.constants import DEFAULT_LAMBDA_MEMORY_SIZE, DEFAULT_LAMBDA_TIMEOUT

REST = "api_handler"  # Chalice's name for the function behind all routes, in its configuration


def _handler(config: Config, stage: str, name: str, entry: str, source: Any = None) -> dict[str, Any]:
    scoped = config.scope(stage, name)
    return {
        "name": name,
        "suffix": "" if name == REST else f"-{name}",
        "handler": entry,
        "timeout": scoped.lambda_timeout or DEFAULT_LAMBDA_TIMEOUT,
        "memory": scoped.lambda_memory_size or DEFAULT_LAMBDA_MEMORY_SIZE,
        "topic": getattr(source, "topic", None),
        "queue": getattr(source, "queue", None),
        "batch_size": getattr(source, "batch_size", None),
    }


def listed(project: Path, stage: str) -> dict[str, Any]:
    """The application's name and its handlers; "topic" and "queue" are what subscribers ask for."""
    on_disk = json.loads(project.joinpath(".chalice", "config.json").read_text(encoding="utf-8"))
    app = importlib.import_module("app").app
    config = Config(chalice_stage=stage, user_provided_params={"chalice_app": app}, config_from_disk=on_disk)
    handlers = [_handler(config, stage, REST, "app.app")] if app.routes else []
    for function in app.pure_lambda_functions:
        handlers.append(_handler(config, stage, function.name, function.handler_string))
    for source in app.event_sources:
        handlers.append(_handler(config, stage, source.name, source.handler_string, source))
    return {"app_name": config.app_name, "handlers": handlers}


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # instead of this file's folder
    print(json.dumps(listed(Path.cwd(), sys.argv[1])))
