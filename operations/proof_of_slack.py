"""The whole way through the real Slack: the app uploads a file, archives it, finds it, and forgets it again.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import requests

from chalicelib import clients, layout, signing
from chalicelib.errors import AccessRefused, FileGone, SlackRefused
from chalicelib.slack import Slack
from chalicelib.visibility import person
from operations import forget
from operations.proof import Proof, Wrong

NAME = "proof-of-slack-integrator.txt"
TAG = "proofofslackintegrator"
_TIMEOUT = (5, 60)
_MEMBERS = 20
"""Of a channel, among whom a person is looked for."""

Json = dict[str, Any]


class Upload(NamedTuple):
    """The file that goes the way, and the message that shows it, once that is known."""

    file_id: str
    ts: str = ""


class Workspace:
    """Slack, and who the app is there: the *team* and the bot's *user*."""

    def __init__(self, proof: Proof) -> None:
        self.slack = Slack(clients.http(), proof.settings)
        who = self.slack.call("auth.test", {}, form=True, timeout=_TIMEOUT)
        self.team, self.user = str(who["team_id"]), str(who["user_id"])

    def ask(self, method: str, **arguments: Any) -> Json:
        """Return the answer to a method that reads."""
        return self.slack.call(method, arguments, form=True, timeout=_TIMEOUT)

    def do(self, method: str, **arguments: Any) -> Json:
        """Return the answer to a method that writes."""
        return self.slack.call(method, arguments, timeout=_TIMEOUT)


def whole_way(proof: Proof) -> Iterator[str]:
    """Take a file all the way in the channel; nothing where no channel is named."""
    if not proof.channel:
        return
    there = Workspace(proof)
    _check_membership(there, proof.channel)
    asker = _person(there, proof.channel)
    for old_upload in _earlier(there, proof.channel):
        _take_back(there, proof, old_upload)
    upload = Upload(send(there, proof))
    try:
        upload = Upload(upload.file_id, _message_ts(there, proof, upload.file_id))
        yield f"the app's upload to {proof.channel} is archived: {_reply(there, proof, upload)}"
        yield f"/docs finds it: {_ask_docs(there, proof, asker)}"
    finally:
        _take_back(there, proof, upload)
    yield "it is deleted in Slack, and forgotten: nothing of it is left"


def _check_membership(there: Workspace, channel: str) -> None:
    try:
        about = there.ask("conversations.info", channel=channel)["channel"]
    except (SlackRefused, AccessRefused) as error:
        raise Wrong(f"the app does not see the channel {channel}: {error}") from error
    if not about.get("is_member", True):
        raise Wrong(f"the app is not in {channel}: /invite @slack-integrator there.")


def send(there: Workspace, proof: Proof) -> str:
    """Upload the file into the channel, and return its id."""
    content = f"make prove has sent this, and takes it away again. {proof.name}\n".encode()
    try:
        place = there.ask("files.getUploadURLExternal", filename=NAME, length=len(content))
    except AccessRefused as error:
        raise Wrong(
            "the app has no permission to upload. It needs one for this proof alone: add the scope files:write on "
            "the Slack app's page “OAuth & Permissions”, click “Reinstall to Workspace” there, then run this again "
            f"({error})"
        ) from error
    if not there.slack.owns(place["upload_url"]):
        raise Wrong("Slack names an address for the upload that is not its own: nothing was sent there.")
    answer = there.slack.http.post(place["upload_url"], content, timeout=_TIMEOUT, allow_redirects=False)
    if answer.status_code != 200:
        raise Wrong(f"Slack did not take the file's bytes (status {answer.status_code}).")
    there.do(
        "files.completeUploadExternal",
        files=[{"id": place["file_id"], "title": NAME}],
        channel_id=proof.channel,
        initial_comment=f"make prove sends this through the archive, and deletes it again. #{TAG}",
    )
    return str(place["file_id"])


def _message_ts(there: Workspace, proof: Proof, file_id: str) -> str:
    """Return the ts of the message that shows the file: Slack posts it after the upload is complete."""

    def look() -> str | None:
        shares = there.ask("files.info", file=file_id)["file"].get("shares", {})
        messages = [each for side in shares.values() for each in side.get(proof.channel, [])]
        return str(messages[0]["ts"]) if messages else None

    ts = proof.wait_for(look)
    if ts is None:
        raise Wrong(f"Slack did not show the file in {proof.channel} within {proof.seconds:.0f} s.")
    return ts


def _reply(there: Workspace, proof: Proof, upload: Upload) -> str:
    """Return the first line of the app's reply, or the sign that it sets where successes need no words."""

    def look() -> str | None:
        root, *replies = there.ask("conversations.replies", channel=proof.channel, ts=upload.ts)["messages"]
        signs = [f":{each['name']}:" for each in root.get("reactions", []) if there.user in each["users"]]
        texts = [str(each.get("text")) for each in replies if each.get("user") == there.user]
        return next(iter([*texts, *signs]), None)

    reply = proof.wait_for(look)
    if reply is None:
        raise Wrong(
            f"there was no reply in its thread within {proof.seconds:.0f} s. Is the Request URL on the Slack app's "
            f"page “Event Subscriptions” {proof.url}/slack/events, and “Verified”? Then look at the log of "
            f"{proof.stage.prefix}, and in Step Functions at the execution that {upload.ts.replace('.', '_')} ends."
        )
    if reply.startswith("❌"):
        raise Wrong(f"it was not archived. The app's reply says why: {reply}")
    return reply.partition("\n")[0]


def _ask_docs(there: Workspace, proof: Proof, asker: str) -> str:
    """Ask `/docs` for the tag in the name of *asker*, who sees nothing of it, and return what it has found."""
    form = {"command": "/docs", "text": f"#{TAG}", "team_id": there.team, "channel_id": proof.channel}
    form |= {"user_id": asker, "token": proof.settings.verification_token}
    body, stamp = urlencode(form).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signing.signature(proof.settings.signing_secret, stamp, body),
    }
    answer = requests.post(f"{proof.url}/slack/commands", body, headers=headers, timeout=15)
    if answer.status_code != 200 or NAME not in answer.text:
        raise Wrong(
            f"/docs #{TAG} does not find it ({answer.status_code} {answer.text[:200]}): make reindex "
            f"STAGE={proof.stage.name} DRY_RUN=1 says whether the index is as it should be."
        )
    return NAME


def _person(there: Workspace, channel: str) -> str:
    """Return somebody who is in the channel: bots find nothing."""
    members = there.ask("conversations.members", channel=channel, limit=_MEMBERS)["members"]
    people = (member for member in members if member != there.user and person(there.slack, there.team, member))
    somebody = next(people, None)
    if somebody is None:
        raise Wrong(
            f"nobody of the workspace is in {channel} but the app: join it, so that somebody can ask there."
        )
    return str(somebody)


def _earlier(there: Workspace, channel: str) -> list[Upload]:
    """Return the uploads that interrupted proofs have left in the channel."""
    files = there.ask("files.list", channel=channel, user=there.user)["files"]
    return [Upload(file["id"], _ts(file, channel)) for file in files if file.get("name") == NAME]


def _ts(file: Json, channel: str) -> str:
    messages = [each for side in file.get("shares", {}).values() for each in side.get(channel, [])]
    return str(messages[0]["ts"]) if messages else ""


def _take_back(there: Workspace, proof: Proof, upload: Upload) -> None:
    """Delete the file and its message in Slack, wait until the archive has followed, and forget the rest."""
    try:
        there.do("files.delete", file=upload.file_id)
        is_followed = proof.wait_for(lambda: _is_followed(there, proof, upload))
    except FileGone:
        is_followed = True
    forget.forget(proof.stage.client("s3"), proof.stage.bucket, upload.file_id, there.slack)
    proof.erase(layout.file_deletion_key(there.team, upload.file_id))
    if upload.ts:
        _delete_message(there, proof.channel, upload.ts)
    if not is_followed:
        raise Wrong(
            f"the archive did not follow the deletion of the file within {proof.seconds:.0f} s: is the Slack app "
            "subscribed to file_deleted, as in slack-manifest.yaml? The file was forgotten all the same."
        )


def _is_followed(there: Workspace, proof: Proof, upload: Upload) -> bool | None:
    """Return True when the execution that follows the file's deletion has ended."""
    about = {"stateMachineArn": proof.stage.state_machine, "maxResults": 100}
    latest = proof.stage.client("stepfunctions").list_executions(**about)["executions"]
    name = f"{there.team}-{upload.file_id}-d"
    ours = [each["status"] for each in latest if each["name"].startswith(name)]
    return True if ours and "RUNNING" not in ours else None


def _delete_message(there: Workspace, channel: str, ts: str) -> None:
    try:
        there.do("chat.delete", channel=channel, ts=ts)
    except SlackRefused as error:
        if "message_not_found" not in str(error):
            raise
