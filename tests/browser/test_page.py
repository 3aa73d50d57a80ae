"""What a person does on the page, and what then stands there: the whole pipeline works behind it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.slack import Slack
from local.slack.model import Channel, Message
from tests.browser.person import (
    PICTURE,
    TABLE,
    ask,
    drop,
    end_trouble,
    make_trouble,
    message_with,
    only_message,
    share,
    thread,
    write,
)


def of(slack: Slack, channel: Channel) -> list[Message]:
    return [message for message in slack.messages if message.channel is channel and "bot_id" not in message.body]


def test_dropped_files_are_shared_and_answered_with_their_tags(page: Page, slack: Slack, channel: Channel) -> None:
    share(page, "Q3 numbers #finanzen #2026", PICTURE, TABLE)
    item = message_with(page, "Q3 numbers")
    expect(item.locator(".files b")).to_have_text(["Übersicht.png", "numbers.csv"])
    expect(item.locator(".words .tag")).to_have_text(["#finanzen", "#2026"])
    expect(thread(page)).to_contain_text("2 files in the archive with #2026 #finanzen.", timeout=30_000)
    (message,) = of(slack, channel)
    assert [(file.name, file.mimetype, file.content) for file in message.files] == [PICTURE, TABLE]


def test_a_picture_is_shown_and_another_file_is_not(page: Page) -> None:
    share(page, "Look", PICTURE, TABLE)
    pictures = message_with(page, "Look").locator(".files img")
    expect(pictures).to_have_count(1)
    assert pictures.evaluate("(one) => one.decode().then(() => one.naturalWidth)") == 320


def test_files_can_be_attached_and_taken_back_by_hand(page: Page, slack: Slack, channel: Channel) -> None:
    files: Any = [{"name": name, "mimeType": "text/plain", "buffer": b"x"} for name in ("a.txt", "b.txt")]
    page.locator("#chosen").set_input_files(files)
    page.get_by_role("button", name="Remove a.txt").click()
    write(page, "Only one")
    expect(message_with(page, "Only one").locator(".files b")).to_have_text(["b.txt"])


BARS = """() => {
  window.parts = [];
  const note = (changes) => window.parts.push(...changes.map((one) => one.target.value));
  new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ["value"] });
}"""
SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}


def test_an_upload_shows_how_far_it_is_and_the_message_waits_for_it(
    page: Page, slack: Slack, channel: Channel
) -> None:
    page.evaluate(BARS)
    network = page.context.new_cdp_session(page)
    network.send("Network.emulateNetworkConditions", SLOW)
    drop(page, ("large.bin", "application/zip", bytes(400_000)))
    bar = page.get_by_role("progressbar", name="Upload of large.bin")
    expect(bar).to_be_visible()
    write(page, "Patience")
    expect(page.get_by_text("Sends when the upload is done")).to_be_visible()
    assert of(slack, channel) == []
    expect(message_with(page, "Patience").locator(".files b")).to_have_text(["large.bin"])
    expect(bar).to_have_count(0)
    parts = page.evaluate("window.parts")
    between = [part for part in parts if 0 < part < 1]
    assert parts == sorted(parts)
    assert len(set(between)) >= 3


def test_what_is_written_while_a_file_uploads_stays_in_the_box(page: Page, channel: Channel) -> None:
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    drop(page, ("large.bin", "application/zip", bytes(400_000)))
    write(page, "Patience")
    page.get_by_role("textbox", name="Message").fill("And one thing more")
    expect(message_with(page, "Patience").locator(".files b")).to_have_text(["large.bin"])
    expect(page.get_by_role("textbox", name="Message")).to_have_value("And one thing more")


def test_what_is_sent_while_a_file_uploads_follows_it(page: Page, slack: Slack, channel: Channel) -> None:
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    drop(page, ("large.bin", "application/zip", bytes(400_000)))
    write(page, "Patience")
    page.get_by_role("textbox", name="Message").press("Enter")
    write(page, "And one thing more")
    expect(message_with(page, "And one thing more")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")
    assert [message.text for message in of(slack, channel)[:2]] == ["Patience", "And one thing more"]


def test_what_others_do_appears_without_a_reload(page: Page, slack: Slack, channel: Channel) -> None:
    message = slack.say(channel, slack.users[1], "Hello from tomas")
    expect(message_with(page, "Hello from tomas")).to_be_visible()
    slack.edit(message, "Goodbye from tomas")
    expect(message_with(page, "Goodbye from tomas")).to_contain_text("(edited)")


def test_a_message_is_edited_in_place(page: Page, slack: Slack, channel: Channel) -> None:
    write(page, "Furst draft & <more>")
    item = only_message(page)
    item.hover()
    item.get_by_role("button", name="Edit").click()
    box = item.get_by_role("textbox", name="New words")
    expect(box).to_have_value("Furst draft & <more>")
    box.fill("First draft & <more>")
    box.press("Enter")
    expect(message_with(page, "First draft & <more>")).to_contain_text("(edited)")
    assert of(slack, channel)[0].text == "First draft &amp; &lt;more&gt;"


def test_a_file_is_taken_off_while_editing(page: Page, slack: Slack, channel: Channel) -> None:
    share(page, "Two", PICTURE, TABLE)
    item = only_message(page)
    item.hover()
    item.get_by_role("button", name="Edit").click()
    item.get_by_label("Übersicht.png").uncheck()
    item.get_by_role("button", name="Save").click()
    expect(item.locator(".files b")).to_have_text(["numbers.csv"])


def test_escape_leaves_an_edit_without_a_change(page: Page, slack: Slack, channel: Channel) -> None:
    write(page, "Stays")
    item = only_message(page)
    item.hover()
    item.get_by_role("button", name="Edit").click()
    item.get_by_role("textbox", name="New words").fill("Goes")
    page.keyboard.press("Escape")
    expect(message_with(page, "Stays")).to_be_visible()
    assert [message.text for message in of(slack, channel)] == ["Stays"]


def test_what_changed_behind_an_edit_is_shown_when_that_is_left(page: Page, slack: Slack, channel: Channel) -> None:
    channel.bot_is_member = False  # so that nothing follows that would show the message anew
    message = slack.say(channel, slack.users[0], "Old words")
    item = only_message(page)
    item.hover()
    item.get_by_role("button", name="Edit").click()
    slack.edit(message, "New words")
    slack.say(channel, slack.users[1], "Seen by now")
    expect(message_with(page, "Seen by now")).to_be_visible()
    page.keyboard.press("Escape")
    expect(message_with(page, "New words")).to_be_visible()


def test_a_message_is_deleted_after_a_question(page: Page, slack: Slack, channel: Channel) -> None:
    write(page, "Regretted")
    item = message_with(page, "Regretted")
    for answer, count in (("Keep it", 1), ("Delete", 0)):
        item.hover()
        item.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name=answer).click()
        expect(item).to_have_count(count)
    assert [message.deleted for message in of(slack, channel)] == [True]


def test_a_reply_goes_into_the_thread(page: Page, slack: Slack, channel: Channel) -> None:
    root = slack.say(channel, slack.users[1], "Root")
    message_with(page, "Root").hover()
    page.get_by_role("button", name="Reply", exact=True).click()
    write(page, "Into the thread")
    expect(thread(page)).to_contain_text("Into the thread")
    assert of(slack, channel)[1].thread_ts == root.ts


def test_one_can_be_somebody_else(page: Page, slack: Slack, channel: Channel) -> None:
    page.get_by_label("You are").select_option(slack.users[1].name)
    write(page, "As tomas")
    expect(message_with(page, "As tomas")).to_be_visible()
    assert of(slack, channel)[0].user == slack.users[1].id


def test_a_private_channel_and_the_direct_message_with_the_app_are_there_too(page: Page, slack: Slack) -> None:
    slack.add_channel("secrets-of-the-page", "group")
    slack.workspace.direct_message(slack.users[0].id)
    side = page.get_by_role("navigation")
    for name in ("secrets-of-the-page", slack.bot.name):
        side.get_by_role("button", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        share(page, "Between us", TABLE)
        expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)


def test_each_part_of_what_became_of_a_message_is_one_click_away(page: Page) -> None:
    share(page, "Inspect #this", TABLE)
    expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)
    message_with(page, "Inspect").get_by_role("button", name="Inspect").click()
    inside = page.get_by_role("tabpanel")
    expect(inside).to_contain_text("200 first try")
    inside.get_by_text("first try").click()
    expect(inside).to_contain_text("X-Slack-Signature")
    for tab, words in {
        "Workflow": ["succeeded", "FetchFile", "SaveMetadata", "NotifyOutcome", "numbers.csv"],
        "Archive": ["documents/T0LOCAL01/", "messages/T0LOCAL01/", "metadata/T0LOCAL01/"],
        "Record": ["#this", '"sha256"'],
        "Outcome": ["archived numbers.csv", '"type": "outcome"'],
    }.items():
        page.get_by_role("tab", name=tab).click()
        for word in words:
            expect(inside).to_contain_text(word)


def test_an_object_of_the_archive_can_be_opened(page: Page) -> None:
    share(page, "Open", TABLE)
    expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)
    message_with(page, "Open").get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Archive").click()
    page.get_by_role("tabpanel").get_by_text(re.compile("^documents/.*/numbers.csv")).click()
    expect(page.get_by_role("tabpanel")).to_contain_text("Łódź;1204")


@pytest.mark.parametrize(
    ("switch", "reply"),
    [
        ("a sign-in page instead of the file", "Slack did not let the app read the file"),
        ("410, the file was deleted", "it was deleted in Slack"),
        ("the connection ends too early", "1 file in the archive"),
        ("429, too many requests", "1 file in the archive"),
    ],
)
def test_a_switched_on_trouble_of_the_file_host_is_coped_with(page: Page, switch: str, reply: str) -> None:
    page.get_by_role("button", name="Make trouble").click()
    files = page.get_by_role("group", name="Slack's files")
    files.get_by_role("switch", name=switch).check()
    expect(page.locator("#troubles")).to_have_text("1")
    share(page, "Despite it", TABLE)
    expect(thread(page)).to_contain_text(reply, timeout=30_000)
    expect(files.get_by_role("switch", name=switch)).not_to_be_checked()


def test_a_doubled_delivery_is_seen_twice_and_answered_once(page: Page, slack: Slack, channel: Channel) -> None:
    make_trouble(page, "the same event twice, at once")
    share(page, "Twice", TABLE)
    expect(thread(page).locator("li.message")).to_have_count(1, timeout=30_000)
    message_with(page, "Twice").get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("tabpanel").locator(".card")).to_have_count(2)


@pytest.mark.usefixtures("calm")
def test_an_outage_of_the_archive_is_waited_out_before_ones_eyes(page: Page) -> None:
    make_trouble(page, "S3")
    share(page, "Patience", TABLE)
    message_with(page, "Patience").get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Workflow").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("tries: ArchiveUnavailable", timeout=30_000)
    end_trouble(page)
    expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)
    expect(page.locator("#troubles")).to_be_hidden()


def test_however_long_a_panel_is_the_rest_stays_in_place(page: Page) -> None:
    page.get_by_role("button", name="Make trouble").click()
    page.get_by_role("switch", name="a timestamp that is none").focus()
    expect(page.get_by_role("switch", name="a timestamp that is none")).to_be_in_viewport()
    expect(page.get_by_label("You are")).to_be_in_viewport()
    assert page.evaluate("[document.documentElement.scrollTop, document.body.scrollTop]") == [0, 0]


def test_what_is_typed_with_marks_is_shown_with_them(page: Page) -> None:
    write(page, "Does *this* `work`?")
    expect(message_with(page, "Does").locator("strong")).to_have_text("this")


def test_an_app_that_was_removed_hears_nothing(page: Page, slack: Slack, channel: Channel) -> None:
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_text("it hears nothing")).to_be_visible()
    write(page, "Anybody?")
    expect(message_with(page, "Anybody?")).to_contain_text("not sent")
    page.get_by_role("button", name="Invite the app").click()
    expect(page.get_by_role("button", name="Remove the app")).to_be_visible()


def test_what_was_archived_is_found_by_a_command_and_shown_to_one_person(page: Page, slack: Slack) -> None:
    share(page, "To be found #findable", PICTURE)
    expect(thread(page)).to_contain_text("1 file in the archive", timeout=30_000)
    answer = ask(page, "/docs #findable")
    expect(answer).to_contain_text("Only visible to you")
    with page.expect_popup() as popup:
        answer.get_by_role("link", name="Open in Slack").click()
    expect(popup.value.get_by_role("img")).to_be_visible()
    page.get_by_label("You are").select_option(slack.users[1].name)
    expect(answer).to_have_count(0)


def test_escape_closes_the_panel_and_gives_the_focus_back(page: Page) -> None:
    write(page, "Focus")
    inspect = message_with(page, "Focus").get_by_role("button", name="Inspect")
    inspect.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_be_hidden()
    expect(inspect).to_be_focused()


def test_a_narrow_screen_shows_all_of_it(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    share(page, "Narrow #" + "long" * 20, PICTURE, TABLE)
    expect(thread(page)).to_contain_text("2 files in the archive", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Channels and people").click()
    expect(page.get_by_label("You are")).to_be_in_viewport()
