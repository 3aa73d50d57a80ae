"""The environment's variables, read when they are needed, and everything missing reported at once.

A secret is given as its value, or as `ssm:/path` of a SecureString, read once per process. The table in README
is made of `VARIABLES`.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from chalicelib import clients, log
from chalicelib.errors import SecretsUnreadable, SettingsWrong
from chalicelib.sigv4 import Client, ServiceError

REFERENCE = "ssm:"
EXPORT_TOKENS = "EXPORT_TOKEN"
"""What the names of the tokens begin with that open the files of an export, while it is imported."""


class Variable(NamedTuple):
    """A variable's *name*, what it is for, and its *default*, if leaving it out makes sense."""

    name: str
    purpose: str
    default: str = ""
    secret: bool = False


VARIABLES = (
    Variable(
        "SIGNING_SECRET",
        "the Slack app's signing secret, which proves that a request comes from Slack",
        secret=True,
    ),
    Variable("VERIFICATION_TOKEN", "the Slack app's legacy verification token", secret=True),
    Variable("ACCESS_TOKEN", "the bot token (xoxb-…) that fetches files and posts replies", secret=True),
    Variable(
        "SLACK_URL",
        "the address for replies: https://slack.com/api/chat.postMessage, or an incoming webhook",
        secret=True,
    ),
    Variable("SLACK_INTEGRATOR_SF", "the state machine's ARN"),
    Variable("SLACK_INTEGRATOR_SNS", "the topic's ARN"),
    Variable("SLACK_INTEGRATOR_PARKING", "the URL of the queue for events that could not be started yet"),
    Variable("BUCKET", "the bucket of the archive"),
    Variable("MAX_FILE_BYTES", "larger files are skipped, and the reply says so; in bytes", default=str(1024**3)),
    Variable("ALLOWED_TYPES", "the MIME types to archive, such as `application/pdf,image/*`", default="*/*"),
    Variable(
        "KEEP_AFTER_DAYS",
        "what vanishes from Slack when it is older stays in the archive; `0`: every deletion is followed",
        default="80",
    ),
    Variable(
        "REPLIES",
        "`all`: a reply to each upload; `problems`: a ✅ under what is archived, words where something is wrong",
        default="all",
    ),
    Variable(
        "HISTORY",
        "how far back the app archives when it is invited: `all`, `none`, or a number of days",
        default="all",
    ),
    Variable("SLACK_LOOPBACK", "1: Slack may be a double on this machine (http, 127.0.0.1)"),
)
_NUMBERS = {"MAX_FILE_BYTES": "bytes", "KEEP_AFTER_DAYS": "days"}
_BY_NAME = {variable.name: variable for variable in VARIABLES}


class Settings(NamedTuple):
    """The variables of one function, with secrets resolved; what it did not ask for is empty."""

    signing_secret: str = ""
    verification_token: str = ""
    access_token: str = ""
    slack_url: str = ""
    state_machine: str = ""
    topic: str = ""
    parking: str = ""
    bucket: str = ""
    max_file_bytes: int = 0
    allowed_types: tuple[str, ...] = ()
    keep_after_days: int = 80
    replies: str = "all"
    history: str = "all"
    slack_loopback: bool = False


_secrets: dict[str, str] = {}
"""What the references stand for; filled once per process."""


def load(
    *names: str,
    optional: Iterable[str] = (),
    environ: Mapping[str, str] = os.environ,
    ssm: Callable[[], Client] = clients.ssm,
) -> Settings:
    """Return the settings with the variables *names*, and the *optional* ones where they are set.

    *ssm* makes the client, only if a reference has to be read. Raises SettingsWrong, which names all that is
    missing or makes no sense and logs what each is for; SecretsUnreadable when SSM does not answer.
    """
    values = {name: environ.get(name, "").strip() for name in (*names, *optional)}
    wrong = {name: f"missing: {_BY_NAME[name].purpose}" for name in names if not values[name]}
    values, unknown = _resolve(values, ssm)
    wrong.update(unknown)
    numbers = {name: environ.get(name, "").strip() or _BY_NAME[name].default for name in _NUMBERS}
    wrong.update(
        {name: f"not a whole number of {_NUMBERS[name]}" for name in _NUMBERS if not _is_number(numbers[name])}
    )
    replies = environ.get("REPLIES", "").strip() or _BY_NAME["REPLIES"].default
    if replies not in ("all", "problems"):
        wrong["REPLIES"] = "neither all nor problems"
    history = environ.get("HISTORY", "").strip() or _BY_NAME["HISTORY"].default
    if history not in ("all", "none") and not (_is_number(history) and len(history) < 6):
        wrong["HISTORY"] = "neither all, none nor a number of days"
    if wrong:
        log.error("settings are missing or wrong", variables=wrong)
        raise SettingsWrong(
            f"The archive is not set up. Please tell whoever runs it (missing or wrong: {', '.join(wrong)})."
        )
    types = environ.get("ALLOWED_TYPES") or _BY_NAME["ALLOWED_TYPES"].default
    return Settings(
        signing_secret=values.get("SIGNING_SECRET", ""),
        verification_token=values.get("VERIFICATION_TOKEN", ""),
        access_token=values.get("ACCESS_TOKEN", ""),
        slack_url=values.get("SLACK_URL", ""),
        state_machine=values.get("SLACK_INTEGRATOR_SF", ""),
        topic=values.get("SLACK_INTEGRATOR_SNS", ""),
        parking=values.get("SLACK_INTEGRATOR_PARKING", ""),
        bucket=values.get("BUCKET", ""),
        max_file_bytes=int(numbers["MAX_FILE_BYTES"]),
        allowed_types=tuple(part.strip().lower() for part in types.split(",") if part.strip()),
        keep_after_days=int(numbers["KEEP_AFTER_DAYS"]),
        replies=replies,
        history=history,
        slack_loopback=environ.get("SLACK_LOOPBACK") == "1",
    )


def export_token(reference: str, ssm: Callable[[], Client] = clients.ssm) -> str | None:
    """Return the token of an export that *reference* stands for; None when it is not kept any more."""
    path = reference.removeprefix(REFERENCE)
    if f"/{EXPORT_TOKENS}/" not in path:
        return None
    if path not in _secrets:
        _secrets.update(_read([path], ssm))
    return _secrets.get(path)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _resolve(values: dict[str, str], ssm: Callable[[], Client]) -> tuple[dict[str, str], dict[str, str]]:
    """Return *values* with every reference replaced, and those that SSM does not know with why."""
    references = {
        name: value.removeprefix(REFERENCE) for name, value in values.items() if _is_reference(name, value)
    }
    unread = sorted(set(references.values()) - set(_secrets))
    if unread:
        _secrets.update(_read(unread, ssm))
    from_ssm = {name: _secrets[path] for name, path in references.items() if path in _secrets}
    unknown = {name: f"SSM has no {path}" for name, path in references.items() if path not in _secrets}
    return {**values, **from_ssm}, unknown


def _is_reference(name: str, value: str) -> bool:
    return _BY_NAME[name].secret and value.startswith(REFERENCE)


def _read(paths: list[str], ssm: Callable[[], Client]) -> dict[str, str]:
    """Return the SecureStrings at *paths*, those that exist, in one request (GetParameters takes ten names)."""
    try:
        answer = ssm().call("GetParameters", Names=paths, WithDecryption=True)
        return {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    except (KeyError, TypeError) as error:
        raise SecretsUnreadable("The archive cannot read its own settings just now.") from error
    except ServiceError as error:
        raise SecretsUnreadable(f"The archive cannot read its own settings just now ({error.code}).") from error
