"""`python -m local demo` shows the whole path once; `python -m local` keeps it running."""

import argparse
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress

from local import demo, realworkspace
from local.aws.deploy import NotDeployedError
from local.clock import Clock
from local.dotenv import environment
from local.pipeline import PROJECT, Pipeline
from local.ports import FIRST, PortTakenError, ports
from local.realworkspace import CannotConnectError, RealWorkspace
from local.seed import seed
from local.terminal import Terminal

FOLDER = PROJECT / ".local"


class WrongChoiceError(Exception):
    """Says which of the app's settings make no sense."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line *arguments*; the result is the exit status."""
    parser = argparse.ArgumentParser("make local", usage="make local [ARGS='--option …']", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["demo", "stay"], default="stay")
    help_text = "the first of three ports in a row, for the routes, Slack and AWS; 0: free ones"
    parser.add_argument("--port", type=int, default=FIRST, help=help_text)
    parser.add_argument("--speed", type=float, default=1, help="how much faster retries' waits pass; default 1")
    help_text = "routes of your own: `chalice local` in a debugger, or those of a deployed stage"
    parser.add_argument("--deliver-to", metavar="URL", help=help_text)
    help_text = "a real workspace's events come through a tunnel, not by Socket Mode"
    parser.add_argument("--tunnel", action="store_true", help=help_text)
    parser.add_argument("--take-over", metavar="APP", default="", help="see slack-manifest-local.yaml")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    terminal = Terminal()
    try:
        if options.what == "demo":
            return _demo(terminal)
        environ = environment()
        choices = _choices(environ)
        real = (
            realworkspace.tunnelled(environ)
            if options.tunnel
            else realworkspace.from_environ(environ, options.take_over)
        )
        return _stay(terminal, options, real, choices)
    except (CannotConnectError, PortTakenError, WrongChoiceError) as reason:
        terminal.line(str(reason))
    except NotDeployedError as mistake:
        terminal.line("The app cannot be loaded, so nothing is started. The mistake is in")
        terminal.line(str(mistake), "red")
    return 1


def _choices(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the app's settings that are chosen in *environ* and have a default: REPLIES, HISTORY and such."""
    try:  # here: of a mistake in chalicelib the deployment says where it is, which is no traceback
        from chalicelib import settings
        from chalicelib.errors import SettingsWrong
    except Exception:
        return {}
    choices = {
        variable.name: environ[variable.name]
        for variable in settings.VARIABLES
        if variable.default and environ.get(variable.name)
    }
    try:
        settings.load(environ=choices)
    except SettingsWrong:  # it has logged what it takes
        raise WrongChoiceError(f"Nothing is started with {_as_text(choices)}.") from None
    return choices


def _as_text(choices: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in choices.items())


def _demo(terminal: Terminal) -> int:
    start = time.monotonic()
    terminal.line("Starting AWS and Slack on this machine ...", "dim")
    folder = FOLDER / "demo"
    for old in folder.glob("*.log"):
        old.unlink()
    with Pipeline(folder=folder) as pipeline:
        good = demo.run(pipeline, terminal)
    terminal.title("All of it is as it should be." if good else "Not everything is as it should be: see above.")
    terminal.line(
        f"{time.monotonic() - start:.1f} s. What the functions printed: {folder.relative_to(PROJECT)}", "dim"
    )
    return 0 if good else 1


def _stay(
    terminal: Terminal, options: argparse.Namespace, real: RealWorkspace | None, choices: Mapping[str, str]
) -> int:
    def log(function: str, line: str) -> None:
        terminal.log(function.removeprefix("slack-integrator-local-"), line)

    numbers = ports(options.port)
    terminal.line("Starting AWS and Slack on this machine ...", "dim")
    folder = FOLDER if options.port == FIRST else FOLDER / str(options.port)
    with ExitStack() as ending:
        pipeline = Pipeline(
            Clock(options.speed),
            {**(real.environ if real else {}), **choices},
            numbers,
            reload=True,
            log=log,
            folder=folder,
        )
        ending.enter_context(pipeline)
        seed(pipeline.slack)
        ending.callback(pipeline.write_environ().unlink)  # it has the tokens
        routes = (options.deliver_to or pipeline.routes.url).rstrip("/")
        pipeline.slack.request_url = "" if real else f"{routes}/slack/events"
        if real:
            real.connect(routes, ending, log)
        _explain(pipeline, terminal, real, routes, choices)
        _until_interrupted()
    terminal.line()
    terminal.line("Stopped. What was in the local AWS is gone with it.", "dim")
    return 0


def _until_interrupted() -> None:
    # The system may hand the signal to another thread, and then neither signal.pause() nor a lock wakes up here.
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(0.5)


def _explain(
    pipeline: Pipeline, terminal: Terminal, real: RealWorkspace | None, routes: str, choices: Mapping[str, str]
) -> None:
    terminal.title("The whole pipeline is running on this machine. Ctrl-C ends it.")
    if real is None:
        terminal.line(f"Open {pipeline.slack.url} and drop a file.", "cyan")
    elif real.is_tunnelled:
        terminal.line(f"Tunnel to the routes, for {real.name}: cloudflared tunnel --url {routes}", "cyan")
        terminal.line("Then enter its address and /slack/events as the app's Request URL.", "cyan")
    else:
        terminal.line(f"Connected to {real.name}: upload something there, in a channel with the app.", "cyan")
    if routes != pipeline.routes.url:
        terminal.line(f"Its events are handed to {routes}, and not to the routes below.")
    terminal.title("Its parts:")
    terminal.rows(
        [
            ("routes", pipeline.routes.url, "chalice local; restarts when the code changes, as the functions do"),
            ("Slack", pipeline.slack.url, f"a double, with the bot token {pipeline.slack.bot_token}"),
            ("AWS", pipeline.aws.url, "moto: any credentials, region us-east-1"),
            ("bucket", f"s3://{pipeline.deployment.bucket}", ""),
            ("settings", _as_text(choices) or "the defaults", "another: REPLIES=problems make local"),
            (
                "logs",
                f"{pipeline.folder.relative_to(PROJECT)}/",
                "each function's, and routes.log; for `chalice local` of your own, environ",
            ),
        ]
    )
    if not real:
        terminal.title("Upload something as mira in #general, without the page:")
        upload = f"{pipeline.slack.url}/upload?name=README.md&text=Read+this+%23docs"
        terminal.line(f"curl --data-binary @README.md '{upload}'", "cyan")
    terminal.title("See what is in the archive:")
    terminal.line(
        f"AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x aws --endpoint-url {pipeline.aws.url} "
        f"s3 ls --recursive s3://{pipeline.deployment.bucket}",
        "cyan",
    )


if __name__ == "__main__":
    sys.exit(main())
