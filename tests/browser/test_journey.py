"""A document's whole life as one person lives it: shared, found, tagged anew, found, deleted, not found."""

from playwright.sync_api import Page, expect

from local.slack import Slack
from local.slack.model import Channel
from tests.browser.person import TABLE, ask, drop, message_with, thread, write


def test_upload_search_edit_search_delete_search_and_each_answer_is_right(page: Page) -> None:
    drop(page, TABLE)
    write(page, "Numbers #journey #draft")
    expect(thread(page)).to_contain_text("1 file in the archive with #draft #journey.", timeout=30_000)
    answer = ask(page, "/docs #journey #draft")
    expect(answer).to_contain_text("Documents with #journey #draft")
    expect(answer).to_contain_text("numbers.csv")
    expect(answer.get_by_role("link", name="Open in Slack")).to_be_visible()
    expect(answer).to_contain_text("shared by @mira here")

    message = message_with(page, "Numbers")
    message.hover()
    message.get_by_role("button", name="Edit").click()
    words = page.get_by_role("textbox", name="New words")
    words.fill("Numbers #journey #final")
    page.get_by_role("button", name="Save").click()
    expect(message).to_contain_text("#final (edited)")
    expect(message.get_by_title(":label:")).to_be_visible(timeout=30_000)  # so the app says that it tagged anew
    answer = ask(page, "/docs #final")
    expect(answer).to_contain_text("numbers.csv")
    expect(answer.get_by_role("link", name="Open in Slack")).to_be_visible()
    expect(answer.get_by_role("button", name="#journey")).to_be_visible()
    expect(ask(page, "/docs #draft")).to_contain_text("I found no document with #draft that you can see.")

    message.hover()
    message.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    tombstone = message_with(page, "This message was deleted.")
    expect(tombstone.locator(".fate")).to_contain_text("withdrawn")
    tombstone.get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Workflow").click()
    deletion = (
        page.get_by_role("tabpanel").locator(".card").filter(has=page.get_by_role("heading", name="deletion"))
    )
    expect(deletion).to_contain_text("succeeded", timeout=30_000)
    for tag in ("journey", "final"):
        expect(ask(page, f"/docs #{tag}")).to_contain_text(f"I found no document with #{tag} that you can see.")


def test_what_slack_lost_is_found_by_a_word_from_another_channel_and_opens(
    page: Page, slack: Slack, channel: Channel
) -> None:
    vault = slack.add_channel("vault", "group")
    page.goto(f"{slack.url}/#{vault.id}")
    page.get_by_role("heading", name="vault").wait_for()
    drop(page, TABLE)
    write(page, "For the quetzal board")
    expect(thread(page)).to_contain_text("1 file in the archive.", timeout=30_000)
    message = message_with(page, "quetzal board")
    message.hover()
    message.get_by_role("button", name="Expire").click()

    page.goto(f"{slack.url}/#{channel.id}")
    page.get_by_role("heading", name=f"#{channel.name}").wait_for()
    for _ in range(50):
        answer = ask(page, "/docs quetzal")
        if "no longer in Slack" in (answer.text_content() or ""):
            break
        page.wait_for_timeout(200)
    expect(answer).to_contain_text("numbers.csv, no longer in Slack")
    expect(answer.get_by_role("link", name="Open in Slack")).to_have_count(0)
    link = answer.get_by_role("link", name="Archived copy")
    copy = page.context.new_page()  # as the link does, and where its download can be seen
    with copy.expect_download() as download:
        copy.evaluate("address => location.assign(address)", link.get_attribute("href"))
    assert download.value.suggested_filename == "numbers.csv"
    assert download.value.path().read_bytes() == TABLE[2]
