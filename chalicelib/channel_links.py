"""Links to channels without a name ► tags, where the channel is public.

Somebody types `#finance`, a channel has that name, and Slack makes a link of it: `<#C1|finance>`, or `<#C1>`
without the name, above all for private channels. Then Slack is asked. The name of a channel that is not public
never becomes a tag: everybody who sees the document sees its tags.
"""

import json
from collections.abc import Iterable

from chalicelib import hashtags, log, workflow
from chalicelib.conversation import channel_type
from chalicelib.errors import AccessRefused, SlackRefused
from chalicelib.slack import Slack

MOST_LINKS = 10
"""Links of one message that Slack is asked about."""
_MOST_NAMES = 10_000
_TIMEOUT = (0.5, 1.5)

_names: dict[str, str | None] = {}
"""The names of public channels, None for channels that are not public: asked once per process."""


def add_tags(text: str, links: Iterable[str], slack: Slack) -> str:
    """Return the input *text* of an execution with the tags that the *links* are; raises what `Slack.call` does."""
    names = [name for link in list(links)[:MOST_LINKS] if (name := _public_name(link, slack))]
    return _with_tags(text, names) if names else text


def _public_name(channel: str, slack: Slack) -> str | None:
    if channel not in _names:
        if len(_names) >= _MOST_NAMES:
            _names.clear()
        _names[channel] = _asked_name(channel, slack)
    return _names[channel]


def _asked_name(channel: str, slack: Slack) -> str | None:
    try:
        answer = slack.call("conversations.info", {"channel": channel}, form=True, timeout=_TIMEOUT)
    except (SlackRefused, AccessRefused) as error:  # of private channels that the app is not in
        log.info("no name of a channel", reason=str(error))
        return None
    details = answer.get("channel")
    if not isinstance(details, dict) or channel_type(details) != "channel":
        return None
    name = details.get("name")
    return name if isinstance(name, str) and name else None


def _with_tags(text: str, names: list[str]) -> str:
    body = json.loads(text)
    tags, left_out = body["tags"], body["tags_left_out"]
    new = [tag for tag in hashtags.tags(" ".join(f"#{name}" for name in names)).kept if tag not in tags]
    fitting, rest = new[: hashtags.MOST_TAGS - len(tags)], new[hashtags.MOST_TAGS - len(tags) :]
    first_left_out = [*left_out["first"], *rest][: workflow.MOST_NAMED]
    body["tags"] = sorted([*tags, *fitting])
    body["tags_left_out"] = {
        "count": left_out["count"] + len(rest),
        "first": first_left_out,
        "links": left_out["links"] - len(names),
    }
    return workflow.canonical_json(body)
