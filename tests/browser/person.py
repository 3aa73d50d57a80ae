"""What a person does on the page, and where what they look for stands."""

import base64
import re

from playwright.sync_api import Locator, Page, expect

from local import samples

DROP = """([files]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const transfer = new DataTransfer();
  for (const [name, type, content] of files) transfer.items.add(new File([bytes(content)], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""
PICTURE = ("Übersicht.png", "image/png", samples.chart_png())
TABLE = ("numbers.csv", "text/csv", samples.table_csv())


def drop(page: Page, *files: tuple[str, str, bytes]) -> None:
    """Let go of *files* above the page."""
    page.evaluate(DROP, [[(name, kind, base64.b64encode(content).decode()) for name, kind, content in files]])


def write(page: Page, words: str) -> None:
    """Write *words* into the message box and send them, by keyboard."""
    box = page.get_by_role("textbox", name=re.compile("^Message"))
    box.fill(words)
    box.press("Enter")


def share(page: Page, words: str, *files: tuple[str, str, bytes]) -> None:
    drop(page, *files)
    expect(page.locator("#pending li")).to_have_count(len(files))
    write(page, words)


def message_with(page: Page, words: str) -> Locator:
    return page.locator("#messages > li.message:not(.ephemeral)").filter(has_text=words)


def only_message(page: Page) -> Locator:
    """The channel's one root message, whatever its words are just now."""
    messages = page.locator("#messages > li.message")
    expect(messages).to_have_count(1)
    return messages


def thread(page: Page) -> Locator:
    return page.get_by_role("list", name="Thread")


def make_trouble(page: Page, switch: str) -> None:
    page.get_by_role("button", name="Make trouble").click()
    page.get_by_role("switch", name=switch).check()


def end_trouble(page: Page) -> None:
    page.get_by_role("button", name="Make trouble").click()
    page.get_by_role("button", name="All well again").click()


def ask(page: Page, command: str) -> Locator:
    """Type the slash *command*; the answer, which is the newest."""
    answers = page.locator(".ephemeral")
    count = answers.count()
    write(page, command)
    expect(answers).to_have_count(count + 1)
    return answers.last
