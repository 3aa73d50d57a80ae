"""The local AWS for what was really deployed: `make deploy` works against it, and what runs is what it shipped."""

import json
import uuid
from pathlib import Path
from typing import Any

from moto.iam.models import iam_backends

from local.aws.api_gateway import ExecuteApi, import_swagger
from local.aws.eventbridge import tell_of_ended_executions
from local.aws.moto_cloudformation import make_stacks
from local.aws.packages import Keys, Packages
from local.aws.permissions import Permissions
from local.aws.sandbox import Answer, FunctionSpec
from local.aws.server import Aws
from local.clock import Clock


class DeployedAws(Aws):
    """Functions run from their zips, under AWS's runtime client, with the keys of their own roles. Linux only.

    *folder* is where zips are unpacked and where the functions' logs go.
    """

    permissions: Permissions

    def __init__(self, clock: Clock, folder: Path) -> None:
        super().__init__(clock, folder, folder=folder)
        self._packages = Packages(folder, self.assume)

    def _application(self) -> Any:
        self.permissions = Permissions(super()._application(), self.account)
        return ExecuteApi(self.permissions, self.account, self.region, self._run)

    def _patch(self) -> None:
        super()._patch()
        import_swagger(self._patches)
        make_stacks(self._patches)
        tell_of_ended_executions(self._patches, self._publish)

    def _publish(self, topic: str, text: str) -> None:
        self.client("sns").publish(TopicArn=topic, Message=text)

    def _run(self, arn: str, event: bytes) -> Answer:
        return self._tried(arn, event, str(uuid.uuid4()))

    def invoke(self, function: FunctionSpec, event: bytes, request_id: str) -> Answer:
        """Run *function* as it was deployed."""
        return super().invoke(self._packages.prepared(function), event, request_id)

    def assume(self, function: str, role_arn: str) -> Keys:
        """The keys with which *function* calls AWS, as environment variables; what they may do is the role's."""
        # From moto's own memory, since its API garbles the policies of a stack's roles.
        policies = iam_backends[self.account]["aws"].get_role_by_arn(role_arn).policies.values()
        session = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=function)["Credentials"]
        documents = [json.loads(one) if isinstance(one, str) else one for one in policies]
        self.permissions.add(session["AccessKeyId"], function, documents)
        return {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }
