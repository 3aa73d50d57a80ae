"""`make fetch`: a file of Slack in a local folder, or what exactly is wrong."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.dotenv import environment
from local.fetch import main
from local.slack import File, Slack
from local.terminal import Terminal

CONTENT = bytes(range(256)) * 5_000


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


@pytest.fixture
def file(slack: Slack) -> File:
    return slack.add_file("q3 report.pdf", CONTENT, "application/pdf")


@pytest.fixture
def fetched(
    slack: Slack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, list[Path]]]:
    """Run the command on an address; give its exit status, what it printed, and the files it left."""

    def run(address: str, **environ: str) -> tuple[int, str, list[Path]]:
        variables = {"ACCESS_TOKEN": slack.bot_token, "SLACK_URL": slack.api_url, "SLACK_LOOPBACK": "1", **environ}
        status = main([address], variables, Terminal(colour=False), tmp_path)
        return status, capsys.readouterr().out, list(tmp_path.iterdir())

    return run


Fetched = Callable[..., tuple[int, str, list[Path]]]


@pytest.mark.parametrize("form", ["url_private", "url_private_download", "permalink", "id"])
def test_a_file_is_fetched_by_any_of_its_addresses(file: File, fetched: Fetched, form: str) -> None:
    status, output, paths = fetched(file.full()[form])
    assert (status, [path.name for path in paths]) == (0, [f"{file.id}-q3 report.pdf"])
    assert paths[0].read_bytes() == CONTENT
    assert hashlib.sha256(CONTENT).hexdigest() in output
    assert "slack-integrator in Local (T0LOCAL01)" in output
    assert "files:read" in output


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("login_page", "NOT OK  SignInPage: Slack did not let the app read the file"),
        ("gone", "NOT OK  FileGone: The file is no longer there"),
        ("foreign_redirect", "NOT OK  HostRefused: Slack does not keep this file itself"),
        ("truncated", "NOT OK  TransferBroken: "),
        ("api_rate_limited", "NOT OK  SlackRateLimited"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(
    slack: Slack, file: File, fetched: Fetched, trouble: str, said: str
) -> None:
    slack.faults.misbehave(trouble, None, None, {"retry_after": 60} if trouble == "api_rate_limited" else {})
    status, output, paths = fetched(file.full()["url_private_download"])
    assert (status, paths) == (1, [])
    assert said in output


def test_a_missing_scope_is_named(slack: Slack, file: File, fetched: Fetched) -> None:
    slack.scopes.discard("files:read")
    status, output, _ = fetched(file.id)
    assert status == 1
    assert "The scope files:read is missing: add it to the Slack app, then reinstall the app." in output
    assert "NOT OK  AccessRefused: Slack does not let the app do this (missing_scope).\n" in output


def test_a_wrong_token_is_told_and_never_shown(file: File, fetched: Fetched) -> None:
    status, output, _ = fetched(file.id, ACCESS_TOKEN="xoxb-of-somebody-else")
    assert status == 1
    assert "TokenRejected: Slack does not accept ACCESS_TOKEN. It is the “Bot User OAuth Token” on" in output
    assert "xoxb" not in output


def test_a_missing_token_is_told(file: File, fetched: Fetched) -> None:
    status, output, _ = fetched(file.id, ACCESS_TOKEN="")
    assert status == 1
    assert "NOT OK  There is no token: write ACCESS_TOKEN=xoxb-… into the file .env. It is the" in output


@pytest.mark.parametrize("address", ["https://example.com/x.pdf", "https://files.slack.com/"])
def test_an_address_without_a_file_is_refused(fetched: Fetched, address: str) -> None:
    status, output, _ = fetched(address)
    assert status == 1
    assert "The address names no Slack file" in output


def test_without_an_address_the_usage_is_told(fetched: Fetched) -> None:
    status, output, _ = fetched("")
    assert status == 2
    assert "Say which file: make fetch URL=" in output


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env"
    path.write_text("ACCESS_TOKEN=xoxb-file # ours\nBUCKET='b'\nEMPTY\n", encoding="utf-8")
    monkeypatch.setenv("ACCESS_TOKEN", "xoxb-environment")
    variables = environment(path)
    assert (variables["ACCESS_TOKEN"], variables["BUCKET"]) == ("xoxb-environment", "b")
    assert "EMPTY" not in variables
