"""Every error of the project, and the one thing that matters about it: does trying again help?

    IntegratorError
    ├── Refused                 a request that is not let in; carries the HTTP status
    ├── NotUnderstood           a signed event whose shape is not Slack's
    ├── NotStarted              the workflow could not be started
    ├── NotParked               nor could the queue keep it for later
    ├── NotReported             the topic did not take the report
    ├── Transient               trying again may help: the workflow does, for hours
    │   ├── SecretsUnreadable   SSM did not answer
    │   ├── SlackUnavailable    Slack: 5xx, time-outs, dropped connections
    │   ├── SlackRateLimited    Slack asks to wait for longer than the fetcher sleeps
    │   ├── FileNotReady        Slack is still processing the file
    │   ├── TransferBroken      fewer or more bytes than Slack says the file has
    │   ├── ArchiveUnavailable  S3: 5xx, throttling, a race that was lost too often
    │   └── NoticePending       another invocation is posting this notice right now
    └── Final                   trying again would not help
        ├── SettingsWrong       variables that are missing or make no sense
        ├── FileGone            deleted in Slack, or never there for this token
        ├── SignInPage          Slack's sign-in page in place of the file
        ├── AccessRefused       a scope is missing, or the file is not visible to the app
        ├── TokenRejected       the token is revoked, expired or wrong
        ├── HostRefused         an address that is not Slack's
        ├── SlackRefused        any other refusal of Slack's
        ├── NoticeRefused       the channel does not take this notice, now or later
        └── ArchiveRefused      S3 refuses: a bucket or a right is missing

Class names are interface: the workflow names them in `ErrorEquals` (on Lambda a Python exception's error name
is its bare class name), and a test holds the two together. Messages are written for the person who uploaded.
"""

import re

_CODE = re.compile(r"\((?:States|Lambda|Sandbox|Runtime)\.(\w+)\)", re.ASCII)
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
GONE = "The file is no longer there: it was deleted in Slack before it could be archived."
UNKNOWN = "I don't know why. Please tell whoever runs the archive."
LONGEST_MESSAGE = 300
"""Characters. The workflow carries a message per file, so their sum must stay far below its payload limit."""


class IntegratorError(Exception):
    """The base of all. Its message is at most `LONGEST_MESSAGE` characters long."""

    def __init__(self, message: str) -> None:
        cut = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
        super().__init__(cut)


def coded(reason: str) -> str:
    """Return *reason* with AWS's names of errors as plain codes: `timeout` for `States.Timeout`."""
    return _CODE.sub(lambda name: f"({_WORD.sub('_', name[1]).lower()})", reason)


class Refused(IntegratorError):
    """The request is answered with *status* and no detail; nothing is started, nothing is published."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotUnderstood(IntegratorError):
    """Slack sent it, but a part of an upload is missing: reported, never a traceback to the caller."""


class NotStarted(IntegratorError):
    """The workflow was not started: throttled, down, too slow for the route's budget, or refused."""


class NotParked(IntegratorError):
    """The parking queue did not take what could not be started; nothing is left but to let Slack deliver again."""


class NotReported(IntegratorError):
    """The topic did not take an error report; nothing is left but to let Slack deliver again."""


class Transient(IntegratorError):
    """Trying again may help."""


class SecretsUnreadable(Transient):
    """A `ssm:` reference could not be resolved just now."""


class SlackUnavailable(Transient):
    """Slack answered 5xx or nonsense, too slowly, or not at all."""


class SlackRateLimited(Transient):
    """429: Slack asks to wait for *retry_after* seconds; the workflow does when that is too long to sleep."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FileNotReady(Transient):
    """Slack still scans or converts the file: no URL or size yet."""


class TransferBroken(Transient):
    """What arrived is not as long as Slack says the file is."""


class ArchiveUnavailable(Transient):
    """S3 is down or throttling, or others changed the same record each time we tried."""


class NoticePending(Transient):
    """The notice is claimed by an invocation that may still be alive."""


class Final(IntegratorError):
    """Trying again would not help."""


class SettingsWrong(Final):
    """Names every variable that is missing or wrong, each with what it is for."""


class FileGone(Final):
    """404, 410, `file_deleted`, `file_not_found`."""


class SignInPage(Final):
    """HTML where no HTML was promised: what Slack's file host answers to a token without access."""


class AccessRefused(Final):
    """403, `missing_scope`, `not_visible`, `access_denied`."""


class TokenRejected(Final):
    """`invalid_auth`, `token_revoked`, `account_inactive` and their like."""


class HostRefused(Final):
    """The token goes to Slack's own hosts alone."""


class SlackRefused(Final):
    """A status or an *error*, Slack's own word, that says no for good."""

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error


class NoticeRefused(Final):
    """`channel_not_found`, `not_in_channel`, `is_archived` and their like."""


class ArchiveRefused(Final):
    """AccessDenied, NoSuchBucket and their like."""
