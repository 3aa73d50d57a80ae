"""The Slack double as a Web API and an incoming webhook: what they do, refuse, and get wrong."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from local.clock import Clock
from local.slack import Slack
from local.slack.methods import FORM_ONLY
from tests.receiver import Receiver

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(Clock(1000)) as slack:
        yield slack


def call(slack: Slack, method: str, token: str | None = None, **arguments: Any) -> dict[str, Any]:
    """Call *method* with a body as it takes it; the answer, which came with status 200."""
    headers = {"Authorization": f"Bearer {token or slack.bot_token}"}
    body: dict[str, Any] = {"data" if method in FORM_ONLY else "json": arguments}
    response = requests.post(f"{slack.url}/api/{method}", headers=headers, timeout=5, **body)
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def post(slack: Slack, text: str = "hello", **arguments: Any) -> dict[str, Any]:
    return call(slack, "chat.postMessage", **{"channel": slack.channels[0].id, "text": text} | arguments)


def hook(slack: Slack, payload: object, **options: Any) -> requests.Response:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return requests.post(slack.webhook_url, data=body, timeout=5, **options)


def test_auth_test_tells_who_the_app_is(slack: Slack) -> None:
    answer = call(slack, "auth.test")
    assert (answer["ok"], answer["team_id"], answer["user_id"]) == (True, slack.team_id, slack.bot_user_id)
    assert answer["bot_id"] == slack.bot_id


def test_slacks_own_client_can_talk_to_it(slack: Slack) -> None:
    client = WebClient(slack.bot_token, base_url=f"{slack.url}/api/")
    answer = client.chat_postMessage(channel=slack.channels[0].id, text="hi", blocks=[SECTION])
    assert answer["message"]["blocks"][0]["text"]["text"] == "hello"
    about: dict[str, str] = {"channel": answer["channel"], "timestamp": answer["ts"], "name": "tada"}
    assert client.reactions_add(**about)["ok"]
    with pytest.raises(SlackApiError, match="already_reacted"):
        client.reactions_add(**about)


@pytest.mark.parametrize(
    ("method", "name", "error"),
    [("conversations.info", "channel", "channel_not_found"), ("users.info", "user", "user_not_found")],
)
def test_methods_that_read_see_no_arguments_in_json(slack: Slack, method: str, name: str, error: str) -> None:
    there = {"channel": slack.channels[0].id, "user": slack.users[0].id}[name]
    assert call(slack, method, **{name: there})["ok"]
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    response = requests.post(f"{slack.url}/api/{method}", json={name: there}, headers=headers, timeout=5)
    assert response.json() == {"ok": False, "error": error}


def test_a_form_body_is_accepted_as_well(slack: Slack) -> None:
    form = {"token": slack.bot_token, "channel": slack.channels[0].id, "blocks": json.dumps([SECTION])}
    assert requests.post(slack.api_url, data=form, timeout=5).json()["ok"]
    assert slack.messages[0].blocks[0]["type"] == "section"


def test_no_token_is_not_authed_and_a_wrong_one_invalid(slack: Slack) -> None:
    assert requests.post(slack.api_url, json={}, timeout=5).json() == {"ok": False, "error": "not_authed"}
    assert call(slack, "auth.test", token="xoxb-wrong")["error"] == "invalid_auth"


def test_an_unknown_method_is_named(slack: Slack) -> None:
    assert call(slack, "chat.shout") == {"ok": False, "error": "unknown_method", "req_method": "chat.shout"}


def test_a_post_is_the_apps_and_lands_in_the_thread(slack: Slack) -> None:
    root = slack.say(slack.channels[0], slack.users[0], "hi", deliver=False)
    answer = post(slack, thread_ts=root.ts, blocks=[SECTION])
    [reply] = slack.wait_for_replies(root.channel, root.ts)
    assert (answer["ts"], answer["message"]["text"]) == (reply.ts, "hello")
    assert (reply.user, reply.body["bot_id"]) == (slack.bot_user_id, slack.bot_id)
    assert reply.body["app_id"] == reply.body["bot_profile"]["app_id"] == slack.app_id


def test_the_app_gets_its_own_posts_as_events(slack: Slack) -> None:
    with Receiver() as app:
        slack.request_url = app.url
        post(slack)
        [delivery] = slack.deliveries
        assert delivery.wait(5)
        event = json.loads(app.received[0].body)["event"]
        assert (event["text"], event["bot_id"], event["user"]) == ("hello", slack.bot_id, slack.bot_user_id)
        assert "subtype" not in event


def refused_posts(slack: Slack) -> dict[str, dict[str, Any]]:
    private = slack.add_channel("board", "group", bot_is_member=False)
    public = slack.add_channel("random", bot_is_member=False)
    old = slack.add_channel("old", is_archived=True)
    return {
        "channel_not_found": post(slack, channel="C0NOWHERE"),
        "channel_not_found ": post(slack, channel=private.id),
        "not_in_channel": post(slack, channel=public.id),
        "is_archived": post(slack, channel=old.id),
        "no_text": post(slack, text=""),
        "msg_too_long": post(slack, text="x" * 40_001),
    }


def test_posts_are_refused_in_slacks_words(slack: Slack) -> None:
    for error, answer in refused_posts(slack).items():
        assert (answer["ok"], answer["error"]) == (False, error.strip())
    assert slack.messages == []


@pytest.mark.parametrize(
    "blocks",
    [
        [SECTION] * 51,
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [SECTION | {"block_id": "x" * 256}],
        ["section"],
    ],
    ids=["51", "section", "empty", "fields", "header", "context", "block_id", "text"],
)
def test_blocks_beyond_slacks_limits_are_invalid(slack: Slack, blocks: list[Any]) -> None:
    assert post(slack, blocks=blocks)["error"] == "invalid_blocks"


def test_blocks_at_the_limits_are_taken(slack: Slack) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}
    short = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 222}}
    assert post(slack, blocks=[header, section, *[short] * 45])["ok"]


def test_all_blocks_together_have_a_limit(slack: Slack) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "&amp;" * 600}}
    assert post(slack, blocks=[section] * 4)["ok"]
    assert post(slack, blocks=[section] * 5)["error"] == "msg_blocks_too_long"


def test_a_missing_scope_is_named_with_the_granted_ones(slack: Slack) -> None:
    slack.scopes.clear()
    slack.scopes.update({"files:read", "commands"})
    answer = post(slack)
    assert answer == {
        "ok": False,
        "error": "missing_scope",
        "needed": "chat:write",
        "provided": "commands,files:read",
    }


def test_a_user_as_channel_opens_a_direct_message(slack: Slack) -> None:
    first, second = (post(slack, channel=slack.users[0].id) for _ in range(2))
    assert first["channel"] == second["channel"]
    assert first["channel"].startswith("D")


def test_file_info_is_whole_where_the_event_had_a_stub(slack: Slack) -> None:
    file = slack.add_file("a.txt", b"abc", mode="file_access")
    info = call(slack, "files.info", file=file.id)["file"]
    assert (info["mode"], info["size"]) == ("hosted", 3)
    assert "url_private_download" in info


def test_file_info_says_where_the_file_is_shown(slack: Slack) -> None:
    message = slack.upload(slack.channels[0], slack.users[0], [("a", b"a", "text/plain")], deliver=False)
    info = call(slack, "files.info", file=message.files[0].id)["file"]
    assert info["channels"] == [message.channel.id]
    assert info["shares"]["public"][message.channel.id][0]["ts"] == message.ts


def test_file_info_of_what_cannot_be_seen_is_not_found(slack: Slack) -> None:
    board = slack.add_channel("board", "group", bot_is_member=False)
    message = slack.upload(board, slack.users[0], [("a", b"a", "text/plain")], deliver=False)
    for file_id in ("F0NOTHING", message.files[0].id, slack.add_file("a", b"", mode="file_not_found").id):
        assert call(slack, "files.info", file=file_id)["error"] == "file_not_found"


def test_file_info_of_a_deleted_file_says_so(slack: Slack) -> None:
    file = slack.add_file("a", b"")
    slack.delete_file(file, deliver=False)
    assert call(slack, "files.info", file=file.id)["error"] == "file_deleted"


def test_file_info_needs_its_scope(slack: Slack) -> None:
    slack.scopes.discard("files:read")
    answer = call(slack, "files.info", file=slack.add_file("a", b"").id)
    assert (answer["error"], answer["needed"]) == ("missing_scope", "files:read")


def test_files_are_listed_in_numbered_pages(slack: Slack) -> None:
    ids = [slack.add_file(str(number), b"").id for number in range(5)]
    pages = [call(slack, "files.list", count=2, page=number) for number in (1, 2, 3)]
    assert [file["id"] for page in pages for file in page["files"]] == ids[::-1]
    assert pages[0]["paging"] == {"count": 2, "total": 5, "page": 1, "pages": 3}


def test_a_file_still_processing_has_no_urls_for_some_look_ups(slack: Slack) -> None:
    slack.misbehave("still_processing", times=1, lookups=2)
    message = slack.upload(slack.channels[0], slack.users[0], [("a", b"a", "text/plain")], deliver=False)
    [event_file] = message.envelope["event"]["files"]
    infos = [call(slack, "files.info", file=message.files[0].id)["file"] for _ in range(3)]
    assert ["url_private" in info for info in (event_file, *infos)] == [False, False, False, True]
    assert "mimetype" not in event_file


def test_check_file_info_makes_stubs_of_any_files(slack: Slack) -> None:
    slack.misbehave("check_file_info")
    message = slack.upload(slack.channels[0], slack.users[0], [("a", b"a", "text/plain")], deliver=False)
    [stub] = message.envelope["event"]["files"]
    assert (stub["file_access"], stub["user"]) == ("check_file_info", "")
    assert call(slack, "files.info", file=stub["id"])["file"]["name"] == "a"


def test_history_is_paged_with_cursors_newest_first(slack: Slack) -> None:
    channel, user = slack.channels[0], slack.users[0]
    stamps = [slack.say(channel, user, str(number), deliver=False).ts for number in range(5)]
    slack.say(channel, user, "a reply", thread_ts=stamps[0], deliver=False)
    history, cursor = [], ""
    while True:
        page = call(slack, "conversations.history", channel=channel.id, limit=2, cursor=cursor)
        history += [message["ts"] for message in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not page["has_more"]:
            break
    assert history == stamps[::-1]
    assert cursor == ""


def test_one_message_can_be_looked_up_in_the_history(slack: Slack) -> None:
    channel, user = slack.channels[0], slack.users[0]
    stamps = [slack.say(channel, user, str(number), deliver=False).ts for number in range(3)]
    page = call(slack, "conversations.history", channel=channel.id, latest=stamps[1], inclusive=True, limit=1)
    assert [message["ts"] for message in page["messages"]] == [stamps[1]]


def test_history_shows_roots_with_their_reply_counts_and_whole_files(slack: Slack) -> None:
    channel = slack.add_channel("partners", is_ext_shared=True)
    root = slack.upload(channel, slack.users[0], [("a", b"a", "text/plain")], deliver=False)
    slack.say(channel, slack.users[1], "thanks", thread_ts=root.ts, deliver=False)
    [message] = call(slack, "conversations.history", channel=channel.id)["messages"]
    assert (message["reply_count"], message["reply_users"]) == (1, [slack.users[1].id])
    assert message["files"][0]["name"] == "a"


def test_replies_come_oldest_first_after_their_root(slack: Slack) -> None:
    channel, user = slack.channels[0], slack.users[0]
    root = slack.say(channel, user, "root", deliver=False)
    reply = slack.say(channel, user, "reply", thread_ts=root.ts, deliver=False)
    answer = call(slack, "conversations.replies", channel=channel.id, ts=root.ts)
    assert [message["ts"] for message in answer["messages"]] == [root.ts, reply.ts]
    assert call(slack, "conversations.replies", channel=channel.id, ts="1.0")["error"] == "thread_not_found"


def test_a_bad_cursor_is_invalid(slack: Slack) -> None:
    answer = call(slack, "conversations.history", channel=slack.channels[0].id, cursor="nonsense!")
    assert answer["error"] == "invalid_cursor"


def test_channels_can_be_described_when_they_can_be_seen(slack: Slack) -> None:
    board = slack.add_channel("board", "group", bot_is_member=False)
    assert call(slack, "conversations.info", channel=slack.channels[0].id)["channel"]["name"] == "general"
    assert call(slack, "conversations.info", channel=board.id)["error"] == "channel_not_found"
    channels = call(slack, "conversations.list")["channels"]
    assert [channel["name"] for channel in channels] == ["general"]


def test_history_needs_membership_and_scope(slack: Slack) -> None:
    elsewhere = slack.add_channel("random", bot_is_member=False)
    assert call(slack, "conversations.history", channel=elsewhere.id)["error"] == "not_in_channel"
    slack.scopes.discard("channels:history")
    answer = call(slack, "conversations.history", channel=slack.channels[0].id)
    assert (answer["error"], answer["needed"]) == ("missing_scope", "channels:history")


def test_people_can_be_described(slack: Slack) -> None:
    assert call(slack, "users.info", user=slack.users[0].id)["user"]["name"] == slack.users[0].name
    assert call(slack, "users.info", user="U0NOBODY")["error"] == "user_not_found"


def conversations(slack: Slack, **arguments: Any) -> list[str]:
    answer = call(slack, "users.conversations", types="public_channel,private_channel,mpim,im", **arguments)
    return [channel["name"] for channel in answer["channels"]]


def test_the_conversations_of_a_person_are_theirs_and_the_private_ones_those_that_the_app_is_in_too(
    slack: Slack,
) -> None:
    mira, tomas = slack.users
    board, secret = slack.add_channel("board", "group"), slack.add_channel("secret", "group", bot_is_member=False)
    for channel in (board, secret, slack.add_channel("random", bot_is_member=False), slack.add_channel("old")):
        channel.members.add(mira.id)
    slack.say(slack.channels[0], mira, "hi", deliver=False)
    assert conversations(slack, user=mira.id) == ["general", "board", "random", "old"]
    assert conversations(slack, user=tomas.id) == []
    board.members.discard(mira.id)
    slack.channels[-1].is_archived = True
    assert conversations(slack, user=mira.id) == ["general", "random", "old"]
    assert conversations(slack, user=mira.id, exclude_archived=True) == ["general", "random"]


def test_the_conversations_of_a_person_come_in_pages(slack: Slack) -> None:
    for number in range(5):
        slack.add_channel(f"c{number}").members.add(slack.users[0].id)
    about: dict[str, Any] = {"user": slack.users[0].id, "limit": 3}
    first = call(slack, "users.conversations", **about)
    second = call(slack, "users.conversations", **about, cursor=first["response_metadata"]["next_cursor"])
    names = [channel["name"] for answer in (first, second) for channel in answer["channels"]]
    assert names == [f"c{number}" for number in range(5)]
    assert second["response_metadata"]["next_cursor"] == ""
    assert call(slack, "users.conversations", **about, cursor="nonsense!")["error"] == "invalid_cursor"


def test_each_kind_of_conversation_needs_its_scope(slack: Slack) -> None:
    slack.scopes.discard("mpim:read")
    answer = call(slack, "users.conversations", types="private_channel,mpim,im", user=slack.users[0].id)
    assert (answer["error"], answer["needed"]) == ("missing_scope", "mpim:read")


def test_a_reaction_is_kept_once(slack: Slack) -> None:
    message = slack.say(slack.channels[0], slack.users[0], "hi", deliver=False)
    about = {"channel": message.channel.id, "timestamp": message.ts, "name": "white_check_mark"}
    assert call(slack, "reactions.add", **about) == {"ok": True}
    assert call(slack, "reactions.add", **about)["error"] == "already_reacted"
    assert message.reactions == {"white_check_mark": [slack.bot_user_id]}
    assert call(slack, "reactions.add", **about | {"timestamp": "1.0"})["error"] == "message_not_found"


def test_an_update_changes_the_apps_own_posts_only(slack: Slack) -> None:
    channel, ts = slack.channels[0].id, post(slack)["ts"]
    foreign = slack.say(slack.channels[0], slack.users[0], "mine", deliver=False)
    assert call(slack, "chat.update", channel=channel, ts=ts, text="better")["ok"]
    assert slack.messages[0].text == "better"
    answer = call(slack, "chat.update", channel=channel, ts=foreign.ts, text="yours")
    assert answer["error"] == "cant_update_message"


def test_an_update_without_blocks_keeps_them_and_an_empty_list_takes_them_away(slack: Slack) -> None:
    channel, ts = slack.channels[0].id, post(slack, blocks=[SECTION])["ts"]
    call(slack, "chat.update", channel=channel, ts=ts, text="better")
    assert [block["type"] for block in slack.messages[0].blocks] == ["section"]
    call(slack, "chat.update", channel=channel, ts=ts, text="better", blocks=[])
    assert slack.messages[0].blocks == []


def test_the_app_takes_its_own_reactions_off_again(slack: Slack) -> None:
    message = slack.say(slack.channels[0], slack.users[0], "mine", deliver=False)
    about = {"channel": message.channel.id, "timestamp": message.ts, "name": "label"}
    assert call(slack, "reactions.remove", **about)["error"] == "no_reaction"
    assert call(slack, "reactions.add", **about)["ok"]
    assert call(slack, "reactions.remove", **about)["ok"]
    assert message.reactions == {}


def test_the_webhook_says_ok_and_posts_without_a_user(slack: Slack) -> None:
    root = slack.say(slack.channels[0], slack.users[0], "hi", deliver=False)
    response = hook(slack, {"text": "done", "channel": "C0ELSEWHERE", "thread_ts": root.ts, "blocks": [SECTION]})
    assert (response.status_code, response.text) == (200, "ok")
    [reply] = slack.replies(root.channel, root.ts)
    assert (reply.body["subtype"], reply.user, reply.text) == ("bot_message", None, "done")


@pytest.mark.parametrize(
    ("payload", "error"),
    [(b"{", "invalid_payload"), ([], "invalid_payload"), ({}, "no_text"), ({"blocks": ["x"]}, "invalid_blocks")],
    ids=["broken", "list", "empty", "blocks"],
)
def test_the_webhook_refuses_in_plain_words(slack: Slack, payload: object, error: str) -> None:
    response = hook(slack, payload)
    assert (response.status_code, response.text) == (400, error)


def test_an_unknown_webhook_is_no_service(slack: Slack) -> None:
    response = requests.post(slack.webhook_url + "x", json={"text": "hi"}, timeout=5)
    assert (response.status_code, response.text) == (404, "no_service")


def test_the_webhook_of_an_archived_channel_refuses(slack: Slack) -> None:
    slack.webhook_channel = slack.add_channel("old", is_archived=True)
    response = hook(slack, {"text": "hi"})
    assert (response.status_code, response.text) == (410, "channel_is_archived")


def test_the_webhook_misbehaves_with_real_statuses(slack: Slack) -> None:
    slack.misbehave("api_error", times=1, only="webhook", error="action_prohibited")
    slack.misbehave("api_rate_limited", times=1, only="webhook", retry_after=3)
    assert (hook(slack, {"text": "x"}).status_code, hook(slack, {"text": "x"}).headers["Retry-After"]) == (403, "3")
    assert slack.messages == []


def test_an_error_can_be_any_of_slacks(slack: Slack) -> None:
    slack.misbehave("api_error", error="missing_scope", needed="chat:write", provided="commands")
    answer = post(slack)
    assert answer == {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "commands"}
    assert slack.messages == []


def test_a_misbehaviour_can_be_limited_to_one_method(slack: Slack) -> None:
    slack.misbehave("api_error", only="files.info")
    assert post(slack)["ok"]
    assert call(slack, "files.info", file="F1")["error"] == "internal_error"


def test_a_rate_limit_tells_when_to_come_again(slack: Slack) -> None:
    slack.misbehave("api_rate_limited", retry_after=9)
    response = requests.post(slack.api_url, json={}, timeout=5)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "9")
    assert response.json() == {"ok": False, "error": "ratelimited"}


def test_a_server_error_has_its_status(slack: Slack) -> None:
    slack.misbehave("api_server_error", status=502)
    assert requests.post(slack.api_url, json={}, timeout=5).status_code == 502


def test_garbage_is_a_web_page_with_status_200(slack: Slack) -> None:
    slack.misbehave("api_garbage")
    response = requests.post(slack.api_url, json={}, timeout=5)
    assert (response.status_code, response.text[:15]) == (200, "<!DOCTYPE html>")


def test_a_silent_api_does_nothing(slack: Slack) -> None:
    slack.misbehave("api_silent", seconds=0.3)
    token = {"Authorization": f"Bearer {slack.bot_token}"}
    with pytest.raises(requests.ReadTimeout):
        requests.post(slack.api_url, json={"channel": "C0LOCAL001", "text": "x"}, headers=token, timeout=0.1)
    assert slack.messages == []


def test_a_lost_answer_was_posted_all_the_same(slack: Slack) -> None:
    slack.misbehave("api_lost_answer", times=1)
    with pytest.raises(requests.ConnectionError):
        post(slack)
    assert [message.text for message in slack.messages] == ["hello"]
    assert slack.requests_to("chat.postMessage")[0].status is None


def test_requests_are_recorded_with_their_bodies(slack: Slack) -> None:
    post(slack, text="kept")
    [request] = slack.requests_to("chat.postMessage")
    assert (request.method, request.path, request.status) == ("POST", "/api/chat.postMessage", 200)
    assert json.loads(request.body)["text"] == "kept"


def test_a_file_in_a_thread_is_listed_with_the_root_of_its_thread(slack: Slack) -> None:
    channel = slack.add_channel("threads")
    root = slack.say(channel, slack.users[0], "The minutes?", deliver=False)
    reply = slack.upload(channel, slack.users[0], [("n.txt", b"x", "text/plain")], thread_ts=root.ts, deliver=False)
    [file] = call(slack, "files.list", channel=channel.id)["files"]
    [share] = file["shares"]["public"][channel.id]
    assert (share["ts"], share["thread_ts"]) == (reply.ts, root.ts)


def test_files_are_listed_until_a_time_that_counts_itself(slack: Slack) -> None:
    channel = slack.add_channel("times")
    files = [slack.add_file(f"{number}.txt", b"x", "text/plain") for number in range(3)]
    for number, file in enumerate(files):
        file.created = 1_700_000_000 + number
    slack.upload(channel, slack.users[0], files, deliver=False)
    listing = call(slack, "files.list", channel=channel.id, ts_from=1_700_000_001, ts_to=1_700_000_001)["files"]
    assert [file["id"] for file in listing] == [files[1].id]


def test_the_app_deletes_its_own_messages_and_no_others(slack: Slack) -> None:
    channel = slack.channels[0]
    ts = call(slack, "chat.postMessage", channel=channel.id, text="here")["ts"]
    other = slack.say(channel, slack.users[0], "mine", deliver=False).ts
    assert call(slack, "chat.delete", channel=channel.id, ts=other)["error"] == "cant_delete_message"
    assert call(slack, "chat.delete", channel=channel.id, ts=ts)["ok"]
    assert call(slack, "chat.delete", channel=channel.id, ts=ts)["error"] == "message_not_found"
