"""Text ► words."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import letters
from chalicelib.words import LONGEST_WORD, is_half, of_comment, of_share, words

TABLE = {
    "a file's name": ("Q3-report_final (2).PDF", ["q3", "report", "final", "2", "pdf"]),
    "folded and composed": ("Straße STRASSE cafe\u0301", ["strasse", "strasse", "café"]),
    "apostrophes and points": ("l'avion v1.2", ["l", "avion", "v1", "2"]),
    "Chinese": ("年度報告2026", ["年度", "度報", "報告", "2026"]),
    "Japanese": ("キーワード検索", ["キー", "ーワ", "ワー", "ード", "ド検", "検索"]),
    "Japanese, with marks of their own": ("か\u3099き", ["がき"]),
    "Thai": ("ที่ดิน", ["ที่ดิ", "ดิน"]),
    "Hindi": ("हिन्दी रिपोर्ट", ["हिन्दी", "रिपोर्ट"]),
    "Arabic, right to left": ("\u202bتقرير مالي\u202c", ["تقرير", "مالي"]),
    "Persian, with and without a joiner": ("می‌خواهم میخواهم", ["میخواهم", "میخواهم"]),
    "Korean": ("분기 보고서", ["분기", "보고서"]),
    "one character alone": ("猫 a", ["猫", "a"]),
    "zero-width characters": ("fin\u200bance \u2060q\ufeff3", ["finance", "q3"]),
    "no words": ("… — ?! 🎉 ❤️ \u0301 \u200b", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE.keys())
def test_words_of(text: str, expected: list[str]) -> None:
    assert words(text) == expected


COMMENTS = {
    "a mention": ("<@U1ABC> see", ["see"]),
    "a link": ("<https://x.example/page|the plan>", ["the", "plan"]),
    "a bare address": ("<https://x.example/page> https://y.example/page ok", ["ok"]),
    "a channel": ("for <#C1ABC|finance>", ["for", "finance"]),
    "a date": ("<!date^1^{date}|yesterday> <!here>", []),
    "entities": ("R&amp;D &lt;b&gt;", ["r", "d", "b"]),
    "tags": ("Numbers #to-do", ["numbers", "to", "do"]),
    "code": ("`make reindex`", ["make", "reindex"]),
}


@pytest.mark.parametrize(("comment", "expected"), COMMENTS.values(), ids=COMMENTS.keys())
def test_words_of_a_comment(comment: str, expected: list[str]) -> None:
    assert of_comment(comment) == expected


def test_a_share_is_entered_under_its_names_words_then_its_titles_its_tags_and_its_comments() -> None:
    entered = of_share("q3.pdf", "The Q3 report", ["to-do", "2026"], "for the board #2026")
    assert entered == ["q3", "pdf", "the", "report", "to", "do", "2026", "for", "board"]


def test_a_share_has_forty_words_at_most_the_names_first() -> None:
    entered = of_share(" ".join(f"n{number}" for number in range(30)), None, [], " ".join(map(str, range(30))))
    assert entered == [f"n{number}" for number in range(30)] + [str(number) for number in range(10)]


def test_a_long_word_is_cut_to_what_a_key_holds() -> None:
    assert words("é" * 1_000) == ["é" * 50]
    assert words("ệ" * 50) == words(unicodedata.normalize("NFD", "ệ" * 1_000))[:1] == ["ệ" * 33]


UNITS = (
    "a",
    "年",
    "a\u0315\u0300",
    "日\u0300\u0315",
    "\u0300",
    "ก็",
    "é ",
    "<",
    "<a|",
    "<#C1|",
    "a://",
    "&lt;",
    "𐐀",
)


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    before = time.process_time()
    of_comment((unit * 100_000)[:100_000])
    assert time.process_time() - before < 2  # quadratic would be minutes


@given(st.text())
def test_whatever_the_text_words_are_sound_and_final(text: str) -> None:
    for word in words(text):
        assert word
        assert len(word.encode()) <= LONGEST_WORD
        assert "/" not in word
        assert words(word) == [word]


@given(st.text(alphabet="aé年度ที่ दी-. '\u0301\u200d", max_size=60))
def test_words_are_the_same_composed_and_decomposed(text: str) -> None:
    assert words(unicodedata.normalize("NFC", text)) == words(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    ("table", "kinds"), [(letters.LETTERS_AND_DIGITS, "LN"), (letters.MARKS, "M")], ids=["letters", "marks"]
)
def test_the_table_is_pythons_own_as_of_unicode_14(table: str, kinds: str) -> None:
    in_table = {
        chr(code) for first, last in zip(table[::3], table[2::3], strict=True) for code in _span(first, last)
    }
    now = {
        character for code in range(sys.maxunicode + 1) if unicodedata.category(character := chr(code))[0] in kinds
    }
    newer = unicodedata.unidata_version != "14.0.0"
    assert in_table <= now if newer else in_table == now


def _span(first: str, last: str) -> range:
    return range(ord(first), ord(last) + 1)


@pytest.mark.parametrize(
    ("word", "expected"), [("約", True), ("書", True), ("約書", False), ("a", False), ("é", False), ("", False)]
)
def test_one_character_of_a_script_without_spaces_is_half_a_word(word: str, expected: bool) -> None:
    assert is_half(word) is expected
