"""`make screenshot`: a real run on the workspace page, as the picture that the documentation shows."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from local import samples
from local.browser import NoBrowserError, chromium
from local.pipeline import Pipeline
from local.seed import seed
from local.slack import Slack

SIZE = {"width": 1280, "height": 960}


def main() -> int:
    """Write the picture to the path that is given; the result is the exit status."""
    try:
        with chromium() as browser, Pipeline() as pipeline:
            seed(pipeline.slack)
            pipeline.slack.workspace.files_are_older_by = 3_600  # a young file that is not found may still come
            pipeline.slack.say(
                pipeline.slack.channels[0], pipeline.slack.users[1], "Where are last quarter's numbers?"
            )
            page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")  # type: ignore[arg-type]
            page.goto(pipeline.slack.url)
            _use(page, pipeline.slack)
            page.screenshot(path=sys.argv[1])
    except NoBrowserError as missing:
        print(missing, file=sys.stderr)
        return 1
    print(f"{sys.argv[1]}: {Path(sys.argv[1]).stat().st_size // 1024} KB")
    return 0


def _use(page: Page, slack: Slack) -> None:
    """Share a report, a chart and a table, which is lost on the way; search, and look at the workflow."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {
            "q3-report.pdf": samples.report_pdf(),
            "salaries.csv": samples.table_csv(),
            "Übersicht Q3.png": samples.chart_png(),
        }.items():
            path = Path(folder, name)
            path.write_bytes(content)
            page.locator("#chosen").set_input_files(path)
            page.locator("#pending li", has_text=name).locator("progress").wait_for(state="detached")
    (table,) = [file for file in slack.files if file.name == "salaries.csv"]
    table.created -= 3600  # while a file is young, the app does not believe yet that it is gone
    slack.misbehave("not_found", only=table.id)
    page.locator("#text").fill("Q3 numbers #finance #2026")
    page.locator("#text").press("Enter")
    page.get_by_role("list", name="Thread").wait_for(timeout=30_000)
    page.locator("#text").fill("/docs #finance")
    page.locator("#text").press("Enter")
    page.locator(".ephemeral").wait_for()
    page.get_by_role("button", name="Inspect").last.click()
    page.get_by_role("tab", name="Workflow").click()
    page.get_by_text("FilesFailed").wait_for()
    page.locator(".fate", has_text="failed").wait_for()
    page.locator("#messages").evaluate("(list) => { list.scrollTop = list.scrollHeight; }")


if __name__ == "__main__":
    sys.exit(main())
