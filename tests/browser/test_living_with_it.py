"""The page as people live with it: what they look at stays in place, drafts are kept, what happens is told."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.slack import Slack
from local.slack.model import Channel
from tests.browser.person import PICTURE, TABLE, drop, end_trouble, make_trouble, message_with, share, thread, write

OVERRIDE = "invoice\u202efdp.exe"


def top(page: Page, words: str) -> Any:
    return message_with(page, words).evaluate("row => row.getBoundingClientRect().top")


def test_a_message_stays_where_it_is_when_its_inspector_opens_and_closes(
    page: Page, slack: Slack, channel: Channel
) -> None:
    for number in range(30):
        slack.say(channel, slack.users[0], f"number {number}. " + "Long enough to be wrapped. " * 12, deliver=False)
    expect(message_with(page, "number 29.")).to_be_visible()
    message_with(page, "number 12.").scroll_into_view_if_needed()
    before = top(page, "number 12.")
    message_with(page, "number 12.").get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("tabpanel")).to_be_visible()
    assert abs(top(page, "number 12.") - before) < 2
    page.keyboard.press("Escape")
    assert abs(top(page, "number 12.") - before) < 2


@pytest.mark.usefixtures("calm")
def test_beside_a_message_is_what_became_of_its_files(page: Page, slack: Slack) -> None:
    share(page, "Fine", TABLE)
    expect(message_with(page, "Fine").locator(".fate")).to_contain_text("archived", timeout=30_000)
    slack.misbehave("gone", times=1)
    share(page, "Lost", TABLE)
    expect(message_with(page, "Lost").locator(".fate")).to_contain_text("failed", timeout=30_000)
    make_trouble(page, "S3")
    share(page, "Slow", TABLE)
    expect(message_with(page, "Slow").locator(".fate")).to_contain_text("archiving")
    page.get_by_role("button", name="All well again").click()
    expect(message_with(page, "Slow").locator(".fate")).to_contain_text("archived", timeout=30_000)


@pytest.mark.usefixtures("calm")
def test_a_parked_event_shows_where_it_waits(page: Page) -> None:
    make_trouble(page, "Step Functions")
    share(page, "Waits", TABLE)
    expect(message_with(page, "Waits").locator(".fate")).to_contain_text("parked", timeout=30_000)
    message_with(page, "Waits").get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Workflow").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(
        "the event waits in the queue slack-integrator-local-parking"
    )
    end_trouble(page)
    expect(message_with(page, "Waits").locator(".fate")).to_contain_text("archived", timeout=30_000)


@pytest.mark.usefixtures("calm")
def test_a_state_that_lasts_has_a_bar_that_grows(page: Page) -> None:
    make_trouble(page, "S3")
    share(page, "Lasts", TABLE)
    message_with(page, "Lasts").get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Workflow").click()
    bar = page.locator(".states li", has_text="FetchFile").locator("i.running").first
    expect(bar).to_be_visible(timeout=30_000)
    page.wait_for_function("bar => bar.getBoundingClientRect().width > 30", arg=bar.element_handle())
    end_trouble(page)


def test_a_reload_keeps_words_files_and_person(page: Page, slack: Slack, channel: Channel) -> None:
    tomas = slack.users[1]
    page.get_by_label("You are").select_option(tomas.name)
    drop(page, TABLE)
    expect(page.locator("#pending progress")).to_have_count(0)
    page.get_by_role("textbox", name="Message").fill("Not sent yet #draft")
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Not sent yet #draft")
    expect(page.locator("#pending li")).to_contain_text("numbers.csv")
    expect(page.get_by_label("You are")).to_have_value(tomas.id)
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(message_with(page, "Not sent yet")).to_contain_text("numbers.csv")
    expect(page.locator("#pending li")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")
    (upload,) = [message for message in slack.messages if message.channel is channel and message.files]
    assert (upload.user, [file.name for file in upload.files]) == (tomas.id, ["numbers.csv"])


def test_what_is_written_before_the_page_has_its_first_answer_is_kept(page: Page) -> None:
    page.route("**/page/state*", lambda route: page.wait_for_timeout(500) or route.continue_())  # type: ignore[func-returns-value]
    page.reload(wait_until="commit")
    expect(page.locator("#hint")).not_to_be_empty()
    page.locator("#chosen").set_input_files({"name": "early.txt", "mimeType": "text/plain", "buffer": b"x"})
    page.locator("#text").fill("Early")
    expect(page.get_by_role("heading", name="#test_")).to_be_visible()
    expect(page.locator("#pending li")).to_contain_text("early.txt")
    expect(page.locator("#text")).to_have_value("Early")
    page.unroute_all(behavior="ignoreErrors")  # the page asks for its state every second


def test_a_draft_stays_in_its_channel(page: Page, slack: Slack, channel: Channel) -> None:
    other = slack.add_channel("elsewhere")
    box = page.get_by_role("textbox", name="Message")
    drop(page, TABLE)
    box.fill("For here")
    page.get_by_role("button", name=other.name, exact=True).click()
    expect(page.get_by_role("heading", name="#elsewhere")).to_be_visible()
    expect(box).to_have_value("")
    expect(page.locator("#pending li")).to_have_count(0)
    write(page, "For there")
    expect(message_with(page, "For there")).to_be_visible()
    page.get_by_role("button", name=channel.name, exact=True).click()
    expect(box).to_have_value("For here")
    expect(page.locator("#pending li")).to_contain_text("numbers.csv")


def test_the_message_box_has_its_height_after_home(page: Page, slack: Slack, channel: Channel) -> None:
    box = page.get_by_role("textbox", name="Message")
    height = box.evaluate("one => one.clientHeight")
    slack.workspace.direct_message(slack.users[0].id)
    page.locator("#direct button").click()
    page.get_by_role("button", name="Home", exact=True).click()
    expect(box).to_be_hidden()
    page.get_by_role("button", name=channel.name, exact=True).click()
    expect(box).to_be_visible()
    assert box.evaluate("one => one.clientHeight") == height


def test_a_command_that_no_app_has_is_not_valid_and_stays_in_the_box(page: Page, slack: Slack) -> None:
    write(page, "/foo bar")
    expect(page.get_by_role("alert")).to_contain_text("/foo is not a valid command")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("/foo bar")
    expect(page.locator(".ephemeral")).to_have_count(0)
    write(page, " /foo bar")
    expect(message_with(page, "/foo bar")).to_be_visible()


def test_a_command_is_not_for_threads(page: Page, slack: Slack, channel: Channel) -> None:
    slack.say(channel, slack.users[0], "A root", deliver=False)
    message_with(page, "A root").get_by_role("button", name="Reply").click()
    write(page, "/docs numbers")
    expect(page.get_by_role("alert")).to_contain_text("/docs is not supported in threads")
    page.get_by_role("button", name="Not in the thread").click()
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(page.locator(".ephemeral")).to_be_visible()


def test_a_command_takes_no_files(page: Page, slack: Slack) -> None:
    drop(page, TABLE)
    write(page, "/docs numbers")
    expect(page.get_by_role("alert")).to_contain_text("A command takes no files")
    expect(page.locator("#pending li")).to_contain_text("numbers.csv")
    page.get_by_role("button", name="Remove numbers.csv").click()
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(page.locator(".ephemeral")).to_be_visible()
    assert slack.messages[-1].text != "/docs numbers"


@pytest.mark.parametrize(
    ("typed", "tag"),
    [("Party #🎉", "#🎉"), ("Party #🎉2026 !", "#🎉2026"), ("In #ü-nord, or", "#ü-nord"), ("#हिन्दी", "#हिन्दी")],
)
def test_tags_of_any_script_and_emoji_are_set_off(page: Page, typed: str, tag: str) -> None:
    write(page, typed)
    expect(page.locator("#messages .words .tag")).to_have_text(tag)


def test_files_stand_in_the_order_of_the_upload(page: Page) -> None:
    share(page, "In order", PICTURE, TABLE, ("last.txt", "text/plain", b"x"))
    names = message_with(page, "In order").locator(".files b")
    expect(names).to_have_text(["Übersicht.png", "numbers.csv", "last.txt"])
    places = [
        box["x"] for box in names.evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    ]
    assert places == sorted(places)


def test_a_name_that_turns_the_direction_turns_nothing_else(page: Page) -> None:
    share(page, "Turned", (OVERRIDE, "text/plain", b"x"))
    expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)
    message_with(page, "Turned").get_by_role("button", name="Inspect").click()
    for tab in ("Workflow", "Archive", "Record", "Outcome"):
        page.get_by_role("tab", name=tab).click()
        name = page.get_by_role("tabpanel").locator("bdi", has_text="invoice").first
        expect(name).to_have_css("unicode-bidi", "isolate")
    assert message_with(page, "Turned").locator(".files bdi").count() == 1


@pytest.fixture
def phone(browser: Browser, slack: Slack, channel: Channel) -> Any:
    context = browser.new_context(viewport={"width": 360, "height": 740}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{slack.url}/#{channel.id}")
    page.get_by_role("heading", name=f"#{channel.name}").wait_for()
    yield page
    context.close()


def test_on_a_phone_every_tab_is_whole_and_who_finds_what_is_said(phone: Page) -> None:
    expect(phone.locator("#topic")).to_have_text(re.compile("^Public"))
    assert phone.locator("#topic").evaluate("one => one.scrollWidth <= one.clientWidth || !one.clientWidth")
    assert phone.locator("#topic .wide").is_hidden()
    write(phone, "Small")
    message_with(phone, "Small").get_by_role("button", name="Inspect").click()
    for tab in phone.get_by_role("tab").all():
        box = tab.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert tab.evaluate("one => one.scrollWidth <= one.clientWidth"), tab.text_content()


def test_on_a_phone_the_list_of_channels_closes_with_a_touch_beside_it(phone: Page) -> None:
    phone.get_by_role("button", name="Channels and people").click()
    expect(phone.get_by_label("You are")).to_be_in_viewport()
    phone.mouse.click(340, 400)
    expect(phone.get_by_label("You are")).to_be_hidden()
    expect(phone.get_by_role("button", name=re.compile("Channels and people"))).to_have_attribute(
        "aria-expanded", "false"
    )


def test_a_message_waits_until_a_file_that_was_not_uploaded_is_taken_off(phone: Page, slack: Slack) -> None:
    phone.route("**/page/files*", lambda route: route.fulfill(status=400, json={"error": "no room"}), times=1)
    share(phone, "With a table", TABLE)
    expect(phone.get_by_role("alert")).to_contain_text("Not sent, since this was not uploaded: numbers.csv.")
    expect(phone.get_by_role("textbox", name="Message")).to_have_value("With a table")
    phone.get_by_role("button", name="Remove numbers.csv").click()
    phone.get_by_role("textbox", name="Message").press("Enter")
    expect(message_with(phone, "With a table")).to_be_visible()
