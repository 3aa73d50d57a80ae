"""Chromium without a window, for the tests of the page and for its picture in the documentation."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET = (
    "Chromium is needed, and none of "
    + ", ".join(NAMES)
    + " was found. Debian and Ubuntu: apt-get install -y chromium fonts-noto-color-emoji. "
    "macOS: brew install --cask chromium. Elsewhere: CHROMIUM=/path/to/it."
)
# Nothing but the page may use the network; root, as in containers, has no sandbox.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowserError(RuntimeError):
    """There is no Chromium on this machine; says how to get one."""

    def __init__(self) -> None:
        super().__init__(HOW_TO_GET)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser from the system's packages, or the one that CHROMIUM names."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowserError
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
