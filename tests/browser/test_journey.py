"""A document's whole life as one person lives it: shared, found, tagged anew, found, deleted, not found."""

from playwright.sync_api import Page, expect

from tests.browser.person import TABLE, ask, drop, message_with, thread, write


def test_upload_search_edit_search_delete_search_and_each_answer_is_right(page: Page) -> None:
    drop(page, TABLE)
    write(page, "Numbers #journey #draft")
    expect(thread(page)).to_contain_text("1 file in the archive with #draft #journey.", timeout=30_000)
    found = ask(page, "/docs #journey #draft")
    expect(found).to_contain_text("Documents with #journey #draft")
    expect(found.get_by_role("link", name="numbers.csv")).to_be_visible()
    expect(found).to_contain_text("shared by @mira here")

    sent = message_with(page, "Numbers")
    sent.hover()
    sent.get_by_role("button", name="Edit").click()
    words = page.get_by_role("textbox", name="New words")
    words.fill("Numbers #journey #final")
    page.get_by_role("button", name="Save").click()
    expect(sent).to_contain_text("#final (edited)")
    expect(sent.get_by_title(":label:")).to_be_visible(timeout=30_000)  # so the app says that it tagged anew
    found = ask(page, "/docs #final")
    expect(found.get_by_role("link", name="numbers.csv")).to_be_visible()
    expect(found).to_contain_text("#final #journey")
    expect(ask(page, "/docs #draft")).to_contain_text("I found no document with #draft that you can see.")

    sent.hover()
    sent.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    gone = message_with(page, "This message was deleted.")
    gone.get_by_role("button", name="Inspect").click()
    page.get_by_role("tab", name="Workflow").click()
    deletion = (
        page.get_by_role("tabpanel").locator(".card").filter(has=page.get_by_role("heading", name="deletion"))
    )
    expect(deletion).to_contain_text("succeeded", timeout=30_000)
    for tag in ("journey", "final"):
        expect(ask(page, f"/docs #{tag}")).to_contain_text(f"I found no document with #{tag} that you can see.")
