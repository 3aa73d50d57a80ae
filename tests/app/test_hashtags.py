"""Text ► tags."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.hashtags import LONGEST_TAG, MOST_TAGS, fold, tags

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
    "escaped characters around": ("&lt;#angle&gt; R&amp;D #r&amp;d", ["angle", "r"]),
    "formatting marks": ("*#bold* _#italic_ ~#struck~ *#a_b*", ["a_b", "bold", "italic", "struck"]),
    "nothing but joints": ("#- #__ #+ # ## #\u200d", []),
    "full-width sign": ("＃東京 #大阪", ["大阪", "東京"]),
    "doubled": ("##heading", []),
    "none": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE.keys())
def test_tags_of(text: str, expected: list[str]) -> None:
    assert tags(text).kept == sorted(expected)


def test_the_first_thirty_are_kept_and_the_rest_is_named() -> None:
    kept, left_out = tags(" ".join(f"#t{number}" for number in range(35)))
    assert kept == sorted(f"t{number}" for number in range(MOST_TAGS))
    assert left_out == [f"t{number}" for number in range(30, 35)]


def test_a_tag_too_long_for_a_key_is_left_out_whole() -> None:
    long, fits = "é" * 51, "é" * 50
    assert tags(f"#{long} #{fits}") == ([fits], [long])


def test_a_long_text_without_end_takes_no_time() -> None:
    for unit in ("a", "`", "<", "#", "```", "#a", "a://"):
        tags((unit * 40_000)[:40_000])  # would run for minutes if any pattern were quadratic


def test_a_heap_of_marks_takes_no_time() -> None:
    text = "#a" + "\u0315\u0300" * 20_000  # in the wrong order: normalising all of them would take seconds
    before = time.process_time()
    assert tags(text).kept
    assert time.process_time() - before < 1


@given(st.text())
@example("ᾳͅ")
def test_folding_is_final(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_what_is_found_is_found_again(text: str) -> None:
    kept = tags(text).kept
    assert tags(" ".join(f"#{tag}" for tag in kept)).kept == kept


@given(st.text(alphabet="#aé-_+ <>|`&;C1🇩🇪\n", max_size=300))
def test_whatever_the_text_tags_are_sound(text: str) -> None:
    kept, _ = tags(text)
    assert kept == sorted(set(kept))
    for tag in kept:
        assert len(tag.encode()) <= LONGEST_TAG
        assert tag == fold(tag)
        assert not set(tag) & set("# <>|`&;\n/")
        assert not tag.endswith("-")
