"""The past of a channel on the page: the app is invited, its message goes on by itself, and the workflow shows."""

import re

from playwright.sync_api import Page, expect

from local.slack import Slack
from local.slack.model import Channel

FILES = 12


def test_the_progress_shows_in_one_message_and_the_workflow_behind_it(
    page: Page, slack: Slack, channel: Channel
) -> None:
    slack.remove_app(channel)
    for number in range(FILES):
        file = (f"{number}.txt", b"old", "text/plain")
        slack.upload(channel, slack.users[1], [file], f"#past{number}", deliver=False)
    slack.misbehave("api_rate_limited", times=1_000, only="conversations.history", retry_after=30)
    page.get_by_role("button", name="Invite the app").click()
    progress = page.locator("#messages > li.message").filter(has_text=re.compile("shared here since"))
    expect(progress).to_contain_text("I'm archiving what has been shared here since", timeout=30_000)
    expect(progress).to_contain_text(f"{FILES} files")
    invitation = page.locator("#messages > li.message").filter(has_text="has joined the channel")
    invitation.get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Workflow").click()
    cards = page.get_by_role("tabpanel").locator(".card").filter(has=page.get_by_role("heading", name="history"))
    expect(cards.first).to_contain_text("running")
    expect(cards.first).to_contain_text("ReadPage")
    slack.behave()
    expect(progress).to_contain_text(f"is in the archive: {FILES} files", timeout=60_000)
    expect(progress).to_have_count(1)
