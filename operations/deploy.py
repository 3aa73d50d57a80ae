"""A stage on AWS, from a clone to a working archive: `make deploy STAGE=dev`.

Stack ► config.json ► `chalice deploy` ► what Chalice cannot set ► Slack ► proof. Every step
asks AWS what is there already: running this again changes nothing, and finishes what was interrupted.
"""

import sys
from collections.abc import Mapping

from chalicelib.settings import REFERENCE
from chalicelib.slack import is_webhook
from operations import bytecode, chalice_cli, chalice_config, chalice_state, dead_letters, prove, slack_app, stack
from operations.console import Stop, ask_secret, say, step
from operations.preflight import check, check_bucket, python_that_ends
from operations.slack_app import WrongSecret
from operations.stages import PROJECT, Stage

USAGE = "make deploy STAGE=dev [ALARM_EMAIL=you@example.com]"


def main(arguments: Mapping[str, str]) -> None:
    """Bring up STAGE.

    *arguments* may hold secrets (SECRETS), say which of them to ask for anew (RENEW), and who gets the alarms
    (ALARM_EMAIL). Secrets that are missing are asked for.
    """
    stage = check(arguments.get("STAGE", ""), USAGE)
    check_bucket(stage)
    environ = _slack_variables(stage.name) | {name: value for name, value in arguments.items() if value}
    print(f"Slack Integrator, stage {stage.name}: {stage.place}")
    if notice := python_that_ends(sys.version_info[:2]):
        print(notice)

    step("1. The secrets that are there already")
    has_renewed = _store_secrets(stage, environ)

    step(f"2. Stack {stage.prefix}")
    outputs = _stack(stage, environ.get("ALARM_EMAIL", ""))

    step("3. .chalice/config.json")
    _configure(stage, outputs, environ)

    step(f"4. chalice deploy --stage {stage.name}")
    _deploy_functions(stage, has_renewed)

    step("5. Slack")
    url = stage.api_url(str(chalice_state.rest_api_id(PROJECT, stage.name)))
    _slack(stage, url, environ)

    step(f"6. Proof, as make prove STAGE={stage.name} gives it")
    wrong = prove.prove(stage, environ.get("CHANNEL", ""))
    _say_what_remains(url)
    prove.check(stage, wrong)


def _slack_variables(stage: str) -> dict[str, str]:
    """Return which Slack the stage was told to talk to, if that was said once."""
    variables = {name: chalice_config.variable(PROJECT, stage, name) for name in ("SLACK_URL", "SLACK_LOOPBACK")}
    return {name: value for name, value in variables.items() if value and not value.startswith(REFERENCE)}


def _store_secrets(stage: Stage, environ: Mapping[str, str]) -> bool:
    """Store the secrets in *environ* and those to RENEW; return True if a secret replaced another one."""
    ssm = stage.client("ssm")
    before = slack_app.stored_secrets(ssm, stage.name)
    secrets = {name: environ[name] for name in slack_app.SECRETS if name in environ}
    for name, value in secrets.items():
        _check_secret(name, value, environ, before)
    secrets.update({name: _new_secret(name, environ, before) for name in environ.get("RENEW", "").split()})
    if not is_webhook(secrets.get("SLACK_URL", "")):
        secrets.pop("SLACK_URL", None)
    fresh = {name: value for name, value in secrets.items() if before.get(name) != value}
    slack_app.store(ssm, stage.name, fresh)
    for name in sorted({*before, *secrets, *slack_app.NEEDED}):
        state = "stored in SSM" if name in fresh else "is in SSM" if name in before else "will be asked for below"
        say(f"{name:<20} {state}")
    return bool(fresh.keys() & before.keys())


def _new_secret(name: str, environ: Mapping[str, str], before: Mapping[str, str]) -> str:
    """Return the secret that is to replace the one that SSM has."""
    if name not in slack_app.SECRETS:
        raise Stop(f"RENEW={name}: no secret has that name. RENEW takes {', '.join(slack_app.SECRETS)}.")
    value = environ.get(name) or _ask(name, environ, before)
    if not value:
        raise Stop(
            f"No new {name} was typed. Run this in a terminal, which asks for it, or put it into the environment."
        )
    return value


def _ask(name: str, environ: Mapping[str, str], before: Mapping[str, str]) -> str:
    """Return the secret that is typed, when nothing is wrong with it; empty where nothing is typed."""

    def objection(value: str) -> str:
        try:
            _check_secret(name, value, environ, before)
        except WrongSecret as wrong:
            return str(wrong)
        return ""

    return ask_secret(name, objection)


def _check_secret(name: str, value: str, environ: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Raise WrongSecret where *value* cannot be the secret *name*."""
    if name == "ACCESS_TOKEN":
        _check_token(value, environ, before)
    if name == "SIGNING_SECRET":
        slack_app.check_signing_secret(value)


def _check_token(token: str, environ: Mapping[str, str], before: Mapping[str, str]) -> None:
    slack_url = environ.get("SLACK_URL") or before.get("SLACK_URL") or slack_app.POSTS
    who = slack_app.check_token(token, slack_url, loopback=environ.get("SLACK_LOOPBACK") == "1")
    say(f"Slack knows the token: {who}")


def _stack(stage: Stage, alarm_email: str) -> dict[str, str]:
    email = {"AlarmEmail": alarm_email} if alarm_email else {}
    template, parameters = stack.render(stage.bucket), {"Stage": stage.name, **email}
    return stack.up(stage.client("cloudformation"), stage.prefix, template, parameters)


def _configure(stage: Stage, outputs: Mapping[str, str], environ: Mapping[str, str]) -> None:
    secrets = slack_app.stored_secrets(stage.client("ssm"), stage.name)
    variables = _variables(outputs, stage.name, secrets, environ)
    has_changed = chalice_config.write(PROJECT, stage.name, variables, stack.roles(outputs))
    say(f"stage {stage.name}: {'written' if has_changed else 'no change'}")


def _deploy_functions(stage: Stage, has_renewed: bool) -> None:
    recovered = chalice_state.recover(stage, PROJECT)
    if recovered:
        say(f"this machine does not know all of the stage, AWS does: going on with its {len(recovered)} resources")
    modules = bytecode.add(PROJECT)
    say(f"the package gets the bytecode of its {modules} modules, so that no cold start has to compile them")
    chalice_cli.chalice(stage, PROJECT, "deploy")
    dead_letters.keep(stage)
    say(f"notices that fail three times, or reach no function, go to {stage.prefix}-notices-dead")
    if has_renewed:
        chalice_cli.restart(stage, PROJECT)


def _variables(
    outputs: Mapping[str, str], stage: str, secrets: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the functions' variables: names of the stack's, and references to secrets, never secrets."""
    optional = {name for name in ("VERIFICATION_TOKEN", "SLACK_URL") if name in secrets}
    references = {name: f"ssm:{slack_app.path(stage, name)}" for name in {*slack_app.NEEDED, *optional}}
    loopback = {"SLACK_LOOPBACK": "1"} if environ.get("SLACK_LOOPBACK") == "1" else {}
    return {
        **stack.variables(outputs),
        "SLACK_URL": environ.get("SLACK_URL") or slack_app.POSTS,
        **dict(sorted(references.items())),
        **loopback,
    }


def _slack(stage: Stage, url: str, environ: Mapping[str, str]) -> None:
    """Ask for the secrets that are missing, now that the app has an address, and check those that are there."""
    ssm = stage.client("ssm")
    secrets = slack_app.stored_secrets(ssm, stage.name)
    missing_names = [name for name in slack_app.NEEDED if name not in secrets]
    if missing_names:
        say("Make the Slack app, with all its settings, from this link; then “Install to Workspace”:\n")
        print(slack_app.link(url) + "\n")
        say("SIGNING_SECRET is on its page “Basic Information”, ACCESS_TOKEN (xoxb-…) on “OAuth & Permissions”.")
        answers = {name: _ask(name, environ, secrets) for name in missing_names}
        unanswered = [name for name, value in answers.items() if not value]
        if unanswered:
            raise Stop(
                f"Everything is up on AWS. Still missing: {' and '.join(unanswered)}. Run this again in a "
                "terminal, which asks for it, or put it into the environment."
            )
        secrets.update(answers)
    if not environ.get("ACCESS_TOKEN") and "ACCESS_TOKEN" not in missing_names:
        _check_token(secrets["ACCESS_TOKEN"], environ, secrets)
    if missing_names:
        slack_app.store(ssm, stage.name, {name: secrets[name] for name in missing_names})
    say("secrets and scopes are complete")


def _say_what_remains(url: str) -> None:
    step("What remains, in Slack (https://api.slack.com/apps, the app's pages)")
    say(f"a. Event Subscriptions: the Request URL is {url}/slack/events")
    say("   and says “Verified”. If not, click “Retry”, then “Save Changes”. If it never does, the signing")
    say("   secret is not this app's: make deploy RENEW=SIGNING_SECRET STAGE=…")
    say(
        "b. Event Subscriptions: switch on “Delayed Events”, so that Slack delivers again what an outage kept back."
    )
    say("c. In each channel that is to be archived: /invite @slack-integrator")
    say("Then share a file there with a #hashtag. A reply in its thread says that it is in the archive.")
    say("The manifest with these addresses, for a new app or to compare after an upgrade:\n")
    print(slack_app.link(url))
