"""A stage taken down: `make destroy STAGE=dev`. The documents stay, unless told otherwise in words."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from operations import chalice_config, chalice_state, slack_app, stack
from operations.chalice_cli import chalice
from operations.console import Stop, is_confirmed, run, say, step
from operations.preflight import Ground, check

PROJECT = Path(__file__).parent.parent
DELETE = "delete"


def destroy(stage: str, environ: Mapping[str, str]) -> None:
    """Take *stage* down. *environ*: CONFIRM, the stage's name once more; DOCUMENTS=delete to delete those too."""
    ground = check(stage, PROJECT)
    with_documents = environ.get("DOCUMENTS") == DELETE
    words = f"{stage} with its documents" if with_documents else stage
    kept = "AND EVERY DOCUMENT in" if with_documents else "but not the documents in"
    question = f"This removes stage {stage} from account {ground.account}, {ground.region}, {kept} {ground.bucket}."
    if not is_confirmed(question, words, environ.get("CONFIRM", "")):
        raise Stop(f"Nothing was removed. To confirm without being asked: CONFIRM='{words}'.")

    step("1. Functions, API and subscriptions: chalice delete")
    chalice_state.recover(ground, PROJECT)
    if chalice_state.remembered(PROJECT, stage):
        roles = chalice_state.roles(ground)  # Chalice asks for them even to delete
        chalice_config.write(PROJECT, stage, {}, roles)
        chalice(ground, PROJECT, "delete")
    else:
        say("were gone already")

    step(f"2. Stack {ground.name}")
    stack.down(ground.session.client("cloudformation"), ground.name)

    step("3. Secrets and settings")
    slack_app.forget(ground.session.client("ssm"), stage)
    chalice_config.clear(PROJECT, stage)
    say("removed from SSM and from .chalice/config.json")

    step("4. Documents")
    if with_documents:
        _delete_documents(ground)
    else:
        say(f"kept in s3://{ground.bucket}; the next make deploy STAGE={stage} takes the bucket up again")
        say(f"to delete them: make destroy STAGE={stage} DOCUMENTS={DELETE}")


def _delete_documents(ground: Ground) -> None:
    """Delete the bucket with every version of every object in it."""
    bucket = ground.session.resource("s3").Bucket(ground.bucket)
    try:
        bucket.object_versions.delete()
        bucket.delete()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    say("deleted, with the bucket")


def main() -> None:
    """Destroy the stage that the command line names."""
    destroy(sys.argv[1] if len(sys.argv) > 1 else "", os.environ)


if __name__ == "__main__":
    run(main)
