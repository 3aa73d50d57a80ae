"""Slack's texts and blocks as the page shows them: what Slack's own clients show."""

from typing import Any

import pytest
from playwright.sync_api import Page

RENDER = """async ([message, options]) => {
  const { content } = await import("/page/blocks.js");
  const world = { names: { U1: "mira" }, channels: { C1: "general" } };
  const place = document.createElement("div");
  place.append(...content(message, world, options));
  return place.innerHTML;
}"""


def rendered(page: Page, message: Any, **options: bool) -> str:
    html: str = page.evaluate(RENDER, [message, options])
    return html.removeprefix('<div class="section">').removesuffix("</div>")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _italic_ ~gone~", "<strong>bold</strong> <em>italic</em> <s>gone</s>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`*code*`", "<code>*code*</code>"),
        ("```a\nb```", "<pre>a\nb</pre>"),
        ("&gt; quoted", "<blockquote>quoted</blockquote>"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 &lt; 2 &amp;&amp; 3 &gt; 2"),
        ("<@U1> in <#C1>", '<span class="mention">@mira</span> in <span class="mention">#general</span>'),
        ("<!channel>", '<span class="mention">@channel</span>'),
        ("&lt;!channel&gt;", "&lt;!channel&gt;"),
        (":tada:", '<span class="emoji" title=":tada:">🎉</span>'),
        ("at 10:30:00", "at 10:30:00"),
        ("<javascript:alert(1)|click>", "click"),
        ("&lt;img src=x onerror=alert(1)&gt;", "&lt;img src=x onerror=alert(1)&gt;"),
    ],
)
def test_text_looks_as_in_slack(page: Page, text: str, html: str) -> None:
    assert rendered(page, {"text": text}) == html


def test_a_link_has_its_label_and_opens_elsewhere(page: Page) -> None:
    html = rendered(page, {"text": "<https://example.com/?a=1&amp;b=2|the page>"})
    link = 'href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noreferrer noopener"'
    assert html == f"<a {link}>the page</a>"


@pytest.mark.parametrize(("verbatim", "links"), [(True, 0), (False, 1)])
def test_verbatim_text_links_no_bare_address(page: Page, verbatim: bool, links: int) -> None:
    text = {"type": "mrkdwn", "text": "see https://example.com/x", "verbatim": verbatim}
    assert rendered(page, {"blocks": [{"type": "section", "text": text}]}).count("<a ") == links


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ({"type": "section", "text": {"type": "plain_text", "text": "*as it is* :x:"}}, "*as it is* "),
        ({"type": "context", "elements": [{"type": "mrkdwn", "text": "*small*"}]}, "<strong>small</strong>"),
        ({"type": "header", "text": {"type": "plain_text", "text": "Head"}}, "<h3>Head</h3>"),
        ({"type": "divider"}, "<hr>"),
        ({"type": "section", "fields": [{"type": "mrkdwn", "text": "_f_"}]}, "<em>f</em>"),
        (
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [{"type": "text", "text": "b", "style": {"bold": True}}],
                    }
                ],
            },
            "<strong>b</strong>",
        ),
        ({"type": "video"}, "(a block of the type video)"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_every_block_is_shown(page: Page, block: Any, shown: str) -> None:
    assert shown in rendered(page, {"blocks": [block]})
