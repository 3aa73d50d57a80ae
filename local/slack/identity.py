"""Who the installed app is, and where the double can be reached."""

from dataclasses import dataclass


@dataclass(frozen=True)
class App:
    """The app as installed in one workspace. Every secret is made up, and looks it."""

    team_id: str = "T0LOCAL01"
    team_name: str = "Local"
    app_id: str = "A0LOCAL01"
    bot_id: str = "B0LOCAL01"
    bot_user_id: str = "U0LOCALBOT"
    name: str = "slack-integrator"
    webhook_bot_id: str = "B0LOCAL02"
    webhook_key: str = "local-not-a-real-webhook"
    signing_secret: str = "10ca1000000000000000000000000001"
    verification_token: str = "local-verification-token"
    bot_token: str = "xoxb-local-not-a-real-token"

    @property
    def webhook_path(self) -> str:
        """The path of the incoming webhook; knowing it is the permission to post."""
        return f"/services/{self.team_id}/{self.webhook_bot_id}/{self.webhook_key}"


@dataclass
class Address:
    """The URLs of the three listeners; empty until they listen."""

    slack: str = ""
    origin: str = ""
    foreign: str = ""

    @property
    def url(self) -> str:
        """Where Slack itself is; RuntimeError before it listens."""
        if not self.slack:
            raise RuntimeError("the Slack double has no address yet: call start() first")
        return self.slack
