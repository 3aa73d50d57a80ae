"""The Slack app's side of a deployment: its manifest, its secrets in SSM, its token."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import yaml

from chalicelib.errors import IntegratorError, TokenRejected
from chalicelib.settings import EXPORT_TOKENS, Settings
from chalicelib.slack import Slack, web_api_answer
from operations.console import Stop
from operations.failing import for_operator
from operations.stages import APP

POSTS = "https://slack.com/api/chat.postMessage"
NEEDED = ("SIGNING_SECRET", "ACCESS_TOKEN")
SECRETS = (*NEEDED, "VERIFICATION_TOKEN", "SLACK_URL")
"""What is kept in SSM. SLACK_URL only when it is a webhook's address, whose knowledge is the permission to post."""
_PLACEHOLDER = "https://example.com"
_HERE = Path(__file__).parent.parent


def manifest(api_url: str) -> dict[str, Any]:
    """Return the app's manifest with the stage's addresses; *api_url* is the API's, without a last slash."""
    text = (_HERE / "slack-manifest.yaml").read_text(encoding="utf-8")
    result: dict[str, Any] = yaml.safe_load(text.replace(_PLACEHOLDER, api_url))
    return result


def link(api_url: str) -> str:
    """Return the address that makes a Slack app of the manifest with two clicks."""
    text = json.dumps(manifest(api_url), separators=(",", ":"))
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(text, safe='')}"


def path(stage: str, name: str) -> str:
    """Return where SSM keeps the secret *name*."""
    return f"/{APP}/{stage}/{name}"


def stored_secrets(ssm: Any, stage: str) -> dict[str, str]:
    """Return the stage's secrets that SSM has, by name."""
    names = {path(stage, name): name for name in SECRETS}
    parameters = ssm.get_parameters(Names=list(names), WithDecryption=True)["Parameters"]
    return {names[parameter["Name"]]: parameter["Value"] for parameter in parameters}


def store(ssm: Any, stage: str, secrets: Mapping[str, str]) -> None:
    """Keep *secrets*, in place of older ones."""
    for name, value in secrets.items():
        ssm.put_parameter(Name=path(stage, name), Value=value, Type="SecureString", Overwrite=True)


def forget(ssm: Any, stage: str) -> None:
    """Delete the stage's secrets, those of imports that were interrupted among them."""
    ssm.delete_parameters(Names=[path(stage, name) for name in SECRETS])
    while parameters := ssm.get_parameters_by_path(Path=path(stage, EXPORT_TOKENS))["Parameters"]:  # ten at most
        ssm.delete_parameters(Names=[parameter["Name"] for parameter in parameters])


class WrongSecret(Stop):
    """A secret that cannot be the app's: another one helps."""


def check_signing_secret(value: str) -> None:
    """Raise WrongSecret unless *value* looks like Slack's signing secrets (docs.slack.dev shows no other form)."""
    if not re.fullmatch("[0-9a-f]{32}", value):
        raise WrongSecret(
            "This is not a SIGNING_SECRET, which has 32 digits and letters from a to f. It is on the Slack app's "
            "page “Basic Information”; the Client Secret and the Verification Token stand beside it."
        )


def check_token(token: str, slack_url: str, *, loopback: bool) -> str:
    """Return who the token belongs to; Stop when Slack does not accept it, or it lacks a scope of the manifest.

    *slack_url* says which Slack is asked (https://docs.slack.dev/reference/methods/auth.test).
    """
    settings = Settings(access_token=token, slack_url=slack_url, slack_loopback=loopback)
    try:
        with requests.Session() as http:
            slack = Slack(http, settings)
            response = slack.post(slack.api_url("auth.test"), {}, timeout=(5, 15), form=True)
        answer = web_api_answer(response)
    except TokenRejected as error:
        raise WrongSecret(
            f"Slack does not accept this ACCESS_TOKEN ({response.json()['error']}). It is the “Bot User OAuth "
            "Token” (xoxb-…) on the Slack app's page “OAuth & Permissions”."
        ) from error
    except IntegratorError as error:
        raise Stop(f"The token could not be checked: {for_operator(error)}") from error
    scopes = {scope.strip() for scope in response.headers.get("X-OAuth-Scopes", "").split(",")}
    missing_scopes = sorted(set(manifest(_PLACEHOLDER)["oauth_config"]["scopes"]["bot"]) - scopes)
    if missing_scopes:
        raise WrongSecret(
            f"The Slack app lacks {', '.join(missing_scopes)}: add it on the app's page “OAuth & Permissions”, "
            "then click “Reinstall to Workspace” there."
        )
    return f"{answer.get('user')} in {answer.get('team')}"
