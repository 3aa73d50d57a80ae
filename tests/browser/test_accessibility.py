"""What axe-core finds on each view of the page, in light and in dark; what is announced; where the focus goes."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from local.slack import Slack
from local.slack.model import Channel
from tests.browser.person import PICTURE, TABLE, ask, make_trouble, message_with, share, thread, write

ALL: dict[str, Any] = {"resultTypes": ["violations"]}
OF_A_SCHEME = {"light": ALL, "dark": {**ALL, "runOnly": ["color-contrast"]}}  # nothing else changes with it


def violations(page: Page, part: str = "body") -> list[str]:
    """What axe finds wrong in that *part* of the view that is open, with the element and the reason."""
    problems = []
    for scheme, options in OF_A_SCHEME.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for rule in Axe().run(page, part, options).response["violations"]:
            problems += [
                f"{scheme}, {rule['id']}: {node['html']}: {node['failureSummary']}" for node in rule["nodes"]
            ]
    return problems


def act(message: Locator, action: str) -> None:
    """Press the button *action* of a *message* by keyboard."""
    button = message.get_by_role("button", name=action)
    button.focus()
    button.press("Enter")


def announced(page: Page) -> Locator:
    return page.get_by_role("log").locator("p")


def test_axe_finds_nothing_wrong_in_the_channel(page: Page) -> None:
    assert violations(page) == []  # the welcome
    share(page, "*Look* at `this` <https://example.com|link> #axe", PICTURE, TABLE)
    expect(thread(page)).to_contain_text("2 files in the archive", timeout=30_000)
    ask(page, "/docs #axe")
    assert violations(page) == []
    message = message_with(page, "Look at")
    act(message, "Edit")
    assert violations(page) == []
    page.keyboard.press("Escape")
    act(message, "Delete")
    assert violations(page) == []


def test_axe_finds_nothing_wrong_beside_it(page: Page) -> None:
    share(page, "Look #axe", TABLE)
    expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)
    act(message_with(page, "Look"), "Inspect")
    inside = page.get_by_role("tabpanel")
    inside.get_by_text("first try").click()
    for tab in ("Deliveries", "Workflow", "Archive", "Record", "Outcome"):
        page.get_by_role("tab", name=tab).click()
        expect(inside).to_contain_text("numbers.csv" if tab != "Deliveries" else "first try")
        assert violations(page, "#panel") == []
    make_trouble(page, "410, the file was deleted")
    assert violations(page, "#panel") == []


def test_axe_finds_nothing_wrong_on_a_narrow_screen(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    assert violations(page) == []
    page.get_by_role("button", name="Channels and people").click()
    assert violations(page) == []


def test_what_arrives_is_announced_once_and_ones_own_is_not(page: Page, slack: Slack, channel: Channel) -> None:
    write(page, "I say this")
    message = slack.say(channel, slack.users[1], "Hello")
    expect(announced(page)).to_have_text(["tomas: Hello"])
    slack.edit(message, "Hello again")
    expect(message_with(page, "Hello again")).to_be_visible()
    share(page, "And this", TABLE)
    expect(announced(page)).to_have_count(2, timeout=30_000)
    expect(announced(page).last).to_contain_text("slack-integrator in the thread: ✅ 1 file in the archive")
    ask(page, "/docs #never-used")
    expect(announced(page)).to_have_count(3)
    expect(announced(page).last).to_contain_text("Only visible to you: I found no document with #never-used")


def test_what_was_there_before_is_not_announced(page: Page, slack: Slack, channel: Channel) -> None:
    slack.say(channel, slack.users[1], "Before")
    expect(announced(page)).to_have_text(["tomas: Before"])
    side = page.get_by_role("navigation")
    side.get_by_role("button", name="general").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("#general")
    side.get_by_role("button", name=channel.name).click()
    expect(message_with(page, "Before")).to_be_visible()
    slack.say(channel, slack.users[1], "After")
    expect(announced(page)).to_have_text(["tomas: After"])


def test_after_an_edit_the_focus_is_where_it_began(page: Page, slack: Slack, channel: Channel) -> None:
    channel.bot_is_member = False  # so that nothing follows that would show the message anew
    write(page, "Before")
    act(message_with(page, "Before"), "Edit")
    page.keyboard.type(" and after")
    page.keyboard.press("Enter")
    message = message_with(page, "Before and after")
    expect(message).to_contain_text("(edited)")
    expect(message.get_by_role("button", name="Edit")).to_be_focused()


@pytest.mark.parametrize("has_replies", [True, False])
def test_after_a_deletion_the_focus_is_on_what_is_left(
    page: Page, slack: Slack, channel: Channel, has_replies: bool
) -> None:
    write(page, "Short-lived")
    message = message_with(page, "Short-lived")
    expect(message).to_contain_text("delivered")
    if has_replies:
        slack.say(channel, slack.users[1], "A reply", slack.messages[-1].ts)
        expect(thread(page)).to_be_visible()
    act(message, "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
    expect(message).to_have_count(0)
    button = message_with(page, "was deleted").get_by_role("button", name="Inspect")
    expect(button if has_replies else page.get_by_role("textbox", name="Message")).to_be_focused()


def test_an_answer_keeps_the_focus_until_it_is_dismissed(page: Page, slack: Slack, channel: Channel) -> None:
    button = ask(page, "/docs help").get_by_role("button", name="Dismiss")
    button.focus()
    slack.say(channel, slack.users[1], "Meanwhile")
    expect(message_with(page, "Meanwhile")).to_be_visible()
    expect(button).to_be_focused()
    button.press("Enter")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_when_all_is_well_again_the_focus_stays_in_the_panel(page: Page) -> None:
    make_trouble(page, "410, the file was deleted")
    all_well = page.get_by_role("button", name="All well again")
    expect(all_well).to_be_enabled()
    all_well.press("Enter")
    expect(page.get_by_label("Each happens")).to_be_focused()
