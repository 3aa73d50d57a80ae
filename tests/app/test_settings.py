"""The environment's variables."""

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.errors import SecretsUnreadable, SettingsWrong
from chalicelib.sigv4 import SSM
from tests.app.aws_stub import service
from tests.receiver import reply

README = Path(__file__).parents[2] / "README.md"


def no_ssm() -> Any:
    raise AssertionError("no reference was given, so SSM must not be asked")


def test_everything_missing_is_reported_at_once_with_its_purpose(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SettingsWrong, match="wrong: BUCKET, ACCESS_TOKEN, MAX_FILE_BYTES"):
        settings.load("BUCKET", "ACCESS_TOKEN", environ={"BUCKET": " ", "MAX_FILE_BYTES": "1 GB"}, ssm=no_ssm)
    assert vars(caplog.records[0])["fields"]["variables"] == {
        "BUCKET": "missing: the bucket of the archive",
        "ACCESS_TOKEN": "missing: the bot token (xoxb-…) that fetches files and posts replies",
        "MAX_FILE_BYTES": "not a whole number of bytes",
    }


def test_what_was_not_asked_for_is_not_read() -> None:
    app_settings = settings.load("BUCKET", environ={"BUCKET": "b", "ACCESS_TOKEN": "ssm:/x"}, ssm=no_ssm)
    assert (app_settings.bucket, app_settings.access_token) == ("b", "")


def test_limits_have_defaults_and_can_be_set() -> None:
    default = settings.load(environ={}, ssm=no_ssm)
    assert (default.max_file_bytes, default.allowed_types, default.slack_loopback) == (1024**3, ("*/*",), False)
    app_settings = settings.load(
        environ={"MAX_FILE_BYTES": "5", "ALLOWED_TYPES": "image/*, Application/PDF", "SLACK_LOOPBACK": "1"},
        ssm=no_ssm,
    )
    assert (app_settings.max_file_bytes, app_settings.allowed_types) == (5, ("image/*", "application/pdf"))
    assert app_settings.slack_loopback


def test_readmes_table_is_the_programs() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    purposes = {variable.name: variable.purpose for variable in settings.VARIABLES}
    assert {name: purpose for name, purpose in rows if name in purposes} == purposes


@pytest.mark.parametrize(
    "answer",
    ["{}", "[]", "null", '{"Parameters": null}', '{"Parameters": [{}]}', '{"Parameters": [null]}', "<html>"],
)
def test_a_nonsense_answer_of_ssm_is_trouble_that_passes(answer: str) -> None:
    with service(SSM, reply(200, answer.encode())) as ssm, pytest.raises(SecretsUnreadable):
        settings.load("ACCESS_TOKEN", environ={"ACCESS_TOKEN": "ssm:/tests/nonsense"}, ssm=lambda: ssm.client)


def test_a_reference_that_ssm_does_not_know_is_named() -> None:
    answer = reply(200, b'{"Parameters": [], "InvalidParameters": ["/tests/none"]}')
    with service(SSM, answer) as ssm, pytest.raises(SettingsWrong, match="ACCESS_TOKEN"):
        settings.load("ACCESS_TOKEN", environ={"ACCESS_TOKEN": "ssm:/tests/none"}, ssm=lambda: ssm.client)


def test_only_the_token_of_an_export_is_read_for_an_export() -> None:
    known = b'{"Parameters": [{"Name": "/tests/EXPORT_TOKEN/1", "Value": "xoxe-1"}]}'
    with service(SSM, reply(200, known)) as ssm:
        assert settings.export_token("ssm:/tests/EXPORT_TOKEN/1", lambda: ssm.client) == "xoxe-1"
    assert settings.export_token("ssm:/tests/ACCESS_TOKEN", no_ssm) is None
