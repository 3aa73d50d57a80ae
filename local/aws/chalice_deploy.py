"""`chalice deploy` without its packages: the functions' code is run from the project's folder.

Run by path, in the project's folder and a process of its own, since an app can be imported once per process.
Standard input gets the contents of .chalice/config.json and the stage, as JSON. The last line of standard output
lists what Chalice has made.
"""

import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from chalice.awsclient import TypedAWSClient
from chalice.cli.factory import create_botocore_session
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BuildStage,
    Deployer,
    DeploymentPackager,
    InjectDefaults,
    LambdaEventSourcePolicyInjector,
    NoopResultsRecorder,
    SwaggerBuilder,
)
from chalice.deploy.executor import Executor
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.deploy.planner import PlanStage, RemoteState
from chalice.deploy.swagger import TemplatedSwaggerGenerator
from chalice.deploy.sweeper import ResourceSweeper
from chalice.utils import UI, OSUtils


class _NoPackage(LambdaDeploymentPackager):
    """Makes the zip without which Lambda creates no function."""

    def __init__(self, folder: str) -> None:
        self._zip = Path(folder, "empty.zip")

    def create_deployment_package(self, project_dir: str, python_version: str) -> str:
        """Return the zip's path, as Chalice's own packagers do."""
        with zipfile.ZipFile(self._zip, "w") as archive:
            archive.writestr("README", "The functions' code is run from the project's folder.")
        return str(self._zip)


def deploy(config_on_disk: dict[str, Any], stage: str, folder: str) -> Any:
    """Deploy the app in the current folder; everything but the packager is what `chalice deploy` puts together."""
    from app import app

    parameters = {"chalice_app": app, "project_dir": os.getcwd()}
    config = Config(chalice_stage=stage, user_provided_params=parameters, config_from_disk=config_on_disk)
    client, files = TypedAWSClient(create_botocore_session()), OSUtils()
    steps = [
        InjectDefaults(),
        DeploymentPackager(packager=_NoPackage(folder)),
        SwaggerBuilder(swagger_generator=TemplatedSwaggerGenerator()),
        LambdaEventSourcePolicyInjector(),
    ]
    deployer = Deployer(
        application_builder=ApplicationGraphBuilder(),
        deps_builder=DependencyBuilder(),
        build_stage=BuildStage(steps),
        plan_stage=PlanStage(osutils=files, remote_state=RemoteState(client, config.deployed_resources(stage))),
        sweeper=ResourceSweeper(),
        executor=Executor(client, UI()),
        recorder=NoopResultsRecorder(osutils=files),
    )
    return deployer.deploy(config, stage)["resources"]


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # instead of this file's folder
    order = json.load(sys.stdin)  # Chalice is loaded by now, while the stack was coming up
    variables = order["config"]["stages"][order["stage"]]["environment_variables"]
    os.environ.update({**variables, **os.environ})  # for the app's import; AWS stays where this process has it
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(deploy(order["config"], order["stage"], scratch)))
