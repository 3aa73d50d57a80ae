"""Slack reaching the laptop through a tunnel: a proxy with a public name."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from local.clock import Clock
from local.forwarding import forward
from local.http_server import HttpServer, Request, Response
from local.pipeline import PROJECT, Pipeline
from local.slack import App, Slack
from local.slack.model import Channel

NAME = "quick-fox.trycloudflare.com"
ABOUT = {"host": NAME, "x-forwarded-host": NAME, "x-forwarded-proto": "https", "x-forwarded-for": "3.3.3.3"}


@contextmanager
def tunnel(routes: str) -> Iterator[str]:
    """Where the tunnel to *routes* begins. Headers come out in small letters, as in HTTP/2, answers in chunks."""

    def respond(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()} | ABOUT
        return replace(forward(replace(request, headers=headers), routes), length=None, chunked=True)

    server = HttpServer(respond)
    yield server.url
    server.close()


def test_behind_a_tunnel_all_is_as_without(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    direct = slack.request_url
    with tunnel(pipeline.routes.url) as url:
        slack.request_url = f"{url}/slack/events"
        challenge = slack.send_url_verification("abc")
        message = slack.upload(channel, slack.users[0], [("far.txt", b"far", "text/plain")], "#tunnel")
        (reply,) = slack.wait_for_replies(channel, message.ts)
        result = slack.command(channel, slack.users[0], "/docs", "#tunnel")
        slack.misbehave("wrong_secret", times=1)
        forgery = slack.deliver(message.envelope, retries=False)
        slack.request_url = direct
    assert challenge.echoes("abc")
    assert "1 file in the archive" in reply.text
    assert "far.txt" in result.text
    assert forgery.attempts[0].status == 401


@pytest.mark.deploy  # it takes the start of another pipeline
def test_make_local_archives_what_comes_through_a_tunnel_with_the_workspaces_own_token() -> None:
    app = App(bot_token="xoxb-of-this-workspace", signing_secret="of-this-app")  # not those of the double in there
    with Slack(Clock(1_000), app=app) as workspace:
        tokens = {"ACCESS_TOKEN": workspace.bot_token, "SIGNING_SECRET": workspace.signing_secret}
        place = {"SLACK_URL": workspace.api_url, "SLACK_LOOPBACK": "1"}
        with ExitStack() as ending:
            local = ending.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "local", "--tunnel", "--port=0"],
                    cwd=PROJECT,
                    env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **tokens, **place},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            ending.callback(local.kill)
            assert local.stdout is not None
            urls = (re.search(r"cloudflared tunnel --url (\S+)", line) for line in local.stdout)
            routes = next(match[1] for match in urls if match)
            with tunnel(routes) as url:
                workspace.request_url = f"{url}/slack/events"
                channel = workspace.channels[0]
                files = [("far.txt", b"far", "text/plain")]
                message = workspace.upload(channel, workspace.users[0], files, "#tunnel")
                (reply,) = workspace.wait_for_replies(channel, message.ts)
            local.send_signal(signal.SIGINT)
            local.communicate(timeout=60)
    assert "1 file in the archive" in reply.text
    assert local.returncode == 0
