"""A stage taken down: `make destroy STAGE=dev`. The documents stay, unless DOCUMENTS=delete."""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from operations import chalice_config, chalice_state, slack_app, stack
from operations.chalice_cli import chalice
from operations.console import confirm, say, step
from operations.preflight import check
from operations.stages import PROJECT, Stage

USAGE = "make destroy STAGE=dev"
DELETE = "delete"


def main(arguments: Mapping[str, str]) -> None:
    """Take STAGE down. CONFIRM: the stage's name once more; DOCUMENTS=delete deletes those, too."""
    stage = check(arguments.get("STAGE", ""), USAGE)
    with_documents = arguments.get("DOCUMENTS") == DELETE
    words = f"{stage.name} with its documents" if with_documents else stage.name
    documents = "AND EVERY DOCUMENT in" if with_documents else "but not the documents in"
    question = f"This removes stage {stage.name} from {stage.place}, {documents} {stage.bucket}."
    confirm(question, words, arguments.get("CONFIRM", ""))

    step("1. Functions, API and subscriptions: chalice delete")
    _delete_functions(stage)

    step(f"2. Stack {stage.prefix}")
    stack.down(stage.client("cloudformation"), stage.prefix)

    step("3. Secrets and settings")
    slack_app.forget(stage.client("ssm"), stage.name)
    chalice_config.clear(PROJECT, stage.name)
    say("removed from SSM and from .chalice/config.json")

    step("4. Documents")
    if with_documents:
        _delete_documents(stage)
    else:
        _say_what_stays(stage)


def _delete_functions(stage: Stage) -> None:
    chalice_state.recover(stage, PROJECT)
    if chalice_state.remembered(PROJECT, stage.name):
        roles = chalice_state.roles(stage)  # Chalice asks for them even to delete
        chalice_config.write(PROJECT, stage.name, {}, roles)
        chalice(stage, PROJECT, "delete")
    else:
        say("were gone already")


def _say_what_stays(stage: Stage) -> None:
    if not stage.has_bucket():
        return say(f"there are none: no bucket {stage.bucket} in {stage.place}")
    say(f"kept in s3://{stage.bucket}; the next make deploy STAGE={stage.name} takes the bucket up again")
    return say(f"to delete them: make destroy STAGE={stage.name} DOCUMENTS={DELETE}")


def _delete_documents(stage: Stage) -> None:
    """Delete the bucket with every version of every object in it."""
    bucket = stage.resource("s3").Bucket(stage.bucket)
    try:
        bucket.object_versions.delete()
        bucket.delete()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    say("deleted, with the bucket")
