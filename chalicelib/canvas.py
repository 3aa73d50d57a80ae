"""Canvases: Slack keeps no file of one, but hands out its text as an HTML page, as it is at that moment.

No method reads a canvas (https://github.com/slackapi/java-slack-sdk/issues/1513). Its addresses give a fragment of
HTML, with the token of an app that may see it, and Slack's sign-in page otherwise: both with status 200 and as
text/html, so that only the content tells them apart.
"""

import re
from html import unescape

from chalicelib import filehost
from chalicelib.errors import AccessRefused, FileGone, FileNotReady, SignInPage, SlackRefused
from chalicelib.files import File
from chalicelib.slack import Slack

PAGE_TYPE = "text/html"
REFUSALS = (SignInPage, FileGone, AccessRefused, SlackRefused)
"""What Slack says of a canvas that it does not hand out."""
LARGEST = 16 * 1024**2
"""Bytes. How long a page is, shows when all of it has arrived; it is held in memory meanwhile."""
_HEAD = 64 * 1024
_WHOLE_PAGE = re.compile(rb"\s*+(?:(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{0,500})</title", re.IGNORECASE)
_SIGN_IN = re.compile(rb"""["'/.]sign[-_]?in["'/._?-]|[?&]redir=|type=["']?password""", re.IGNORECASE)


def as_page(file: File) -> File:
    """Return the canvas *file* as the page that is archived of it: `{title}.html`."""
    title = file["title"] or file["name"] or file["id"]
    name = title if title.lower().endswith((".html", ".htm")) else f"{title}.html"
    return {**file, "name": name, "mimetype": PAGE_TYPE}


def content(file: File, most: int, slack: Slack, deadline: float) -> bytes:
    """Return the canvas *file*, from the first of its addresses that hands it out; see `filehost.page`."""
    refusal: Exception = FileNotReady("Slack has not finished processing the canvas.")
    for url in filter(None, dict.fromkeys((file["url"], file.get("other_url")))):
        try:
            page = filehost.page(slack, url, most, deadline)
        except REFUSALS as error:
            refusal = error
            continue
        if page and not is_sign_in_page(page, file["title"]):
            return page
        refusal = SignInPage(filehost.SIGN_IN)
    raise refusal


def is_sign_in_page(page: bytes, title: str | None) -> bool:
    """Return True if *page* is one of Slack's own in place of the canvas called *title*.

    Slack's own are whole pages, which name Slack in their title or lead to where people sign in. What people wrote
    is no such page, whatever it is about.
    """
    head = page.removeprefix(b"\xef\xbb\xbf")[:_HEAD]
    if not _WHOLE_PAGE.match(head):
        return False
    match = _TITLE.search(head)
    page_title = unescape(match[1].decode(errors="replace")).strip() if match else ""
    if page_title and page_title == (title or "").strip():
        return False
    return "slack" in page_title.lower() or bool(_SIGN_IN.search(head))
