"""A browser, and the page open in a channel of the test's own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from local.browser import NoBrowserError, chromium
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel

WIDE = {"width": 1360, "height": 860}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs a browser, and is left out unless asked for."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, or a failure that says how to get it: what is not tested must not look as if it were."""
    try:
        with chromium() as chrome:
            yield chrome
    except NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def page(browser: Browser, slack: Slack, channel: Channel) -> Iterator[Page]:
    """The page in *channel*; afterwards no script may have failed, and nothing may have come from elsewhere."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")  # type: ignore[arg-type]
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    tab.on(
        "request",
        lambda request: None if request.url.startswith((slack.url, "blob:")) else wrong.append(request.url),
    )
    tab.goto(f"{slack.url}/#{channel.id}")
    tab.get_by_role("heading", name=f"#{channel.name}").wait_for()
    yield tab
    context.close()
    assert wrong == []


@pytest.fixture
def calm(pipeline: Pipeline) -> Iterator[None]:
    """No outage is left behind."""
    yield
    pipeline.aws.outages.down.clear()
