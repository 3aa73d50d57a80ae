"""Home, buttons and the shortcut as a member and as a guest use them, and what axe-core finds in Home."""

import pytest
from playwright.sync_api import Locator, Page, expect

from local.slack import Slack
from local.slack.model import Channel, User
from tests.browser.person import ask, message_with, thread
from tests.browser.test_accessibility import violations


@pytest.fixture(params=["member", "guest"])
def person(request: pytest.FixtureRequest, slack: Slack, channel: Channel) -> User:
    """Somebody in the channel."""
    user = slack.add_user(f"{request.param}-{channel.id.lower()}", is_restricted=request.param == "guest")
    channel.members.add(user.id)
    slack.workspace.direct_message(user.id)
    return user


@pytest.fixture
def old(slack: Slack, channel: Channel) -> str:
    """Words of an old message with twelve files, which the app was not there to see."""
    word = f"w{channel.id.lower()}"
    files = [(f"{word}-{number:02}.txt", f"file {number}".encode(), "text/plain") for number in range(12)]
    slack.upload(channel, slack.users[1], files, f"Old files #{word}", deliver=False)
    return word


def become(page: Page, user: User) -> None:
    page.get_by_label("You are").select_option(user.id)


def open_home(page: Page) -> Locator:
    page.get_by_role("navigation").get_by_role("button", name="slack-integrator").click()
    page.get_by_role("button", name="Home", exact=True).click()
    home = page.get_by_role("region", name="Home of the app")
    expect(home.get_by_label("Find a document")).to_be_visible()
    return home


def archive_by_shortcut(page: Page, word: str) -> None:
    message = message_with(page, "Old files")
    message.hover()
    message.get_by_role("button", name="Archive files").click()
    expect(page.locator(".ephemeral").last).to_contain_text("I'm archiving these 12 files.")
    expect(thread(page)).to_contain_text(f"12 files in the archive with #{word}", timeout=60_000)


def test_archive_an_old_message_then_home_search_more_and_the_copy(
    page: Page, slack: Slack, channel: Channel, person: User, old: str
) -> None:
    become(page, person)
    archive_by_shortcut(page, old)
    home = open_home(page)
    expect(home).to_contain_text("New in the archive")
    expect(home).to_contain_text(f"{old}-00.txt")

    home.get_by_label("Find a document").fill(f"#{old}")
    home.get_by_label("Find a document").press("Enter")
    expect(home).to_contain_text(f"Documents with #{old}")
    expect(home.get_by_text("shared by")).to_have_count(10)
    home.get_by_role("button", name="Show more").click()
    expect(home.get_by_text("shared by")).to_have_count(2)
    copy = home.get_by_role("link", name="Archived copy").first.get_attribute("href")
    assert copy
    assert page.context.request.get(copy).text() in {f"file {number}" for number in range(12)}
    home.get_by_role("button", name="Back to what is new").click()
    expect(home).to_contain_text("New in the archive")
    assert violations(page) == []


def test_an_answers_buttons_replace_it_and_keep_the_focus(
    page: Page, slack: Slack, channel: Channel, old: str
) -> None:
    archive_by_shortcut(page, old)
    answer = ask(page, f"/docs #{old}")
    count = page.locator(".ephemeral").count()
    more = answer.get_by_role("button", name="Show more")
    more.focus()
    more.press("Enter")
    expect(answer.get_by_text("shared by")).to_have_count(2)
    expect(page.locator(".ephemeral")).to_have_count(count)
    assert violations(page) == []


def test_an_empty_home_says_how_to_begin_and_axe_finds_nothing_wrong(page: Page, slack: Slack) -> None:
    newcomer = slack.add_user("newcomer", is_restricted=True)
    slack.workspace.direct_message(newcomer.id)
    become(page, newcomer)
    home = open_home(page)
    expect(home).to_contain_text("Nothing is archived yet")
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 700})
    assert violations(page) == []


def test_a_click_that_fails_has_a_warning_sign(page: Page, slack: Slack, channel: Channel, old: str) -> None:
    archive_by_shortcut(page, old)
    answer = ask(page, f"/docs #{old}")
    slack.interactions.is_enabled = False
    try:
        answer.get_by_role("button", name=f"#{old}").first.click()
        expect(answer.get_by_role("img", name="not configured")).to_be_visible()
    finally:
        slack.interactions.is_enabled = True
