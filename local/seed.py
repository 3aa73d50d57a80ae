"""The workspace that `make local` and the browser tests begin with: who is in it, and where they talk."""

from local.slack import Slack


def seed(slack: Slack) -> None:
    """Add a third person, a public and a private channel, and everybody's direct message with the app."""
    slack.add_user("aiko")
    slack.add_channel("finance")
    slack.add_channel("leadership", "group")
    for user in slack.users:
        slack.workspace.direct_message(user.id)
