"""What is typed ► terms."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.blocks import escape
from chalicelib.terms import Term, parse
from chalicelib.words import words


def tag(name: str) -> Term:
    return Term(f"#{name}", name, ())


def word(*parts: str, text: str | None = None) -> Term:
    return Term(text or " ".join(parts), None, parts)


TABLE = {
    "a mixture": (
        'finance #2026 pdf "Notice period"',
        [word("finance"), tag("2026"), word("pdf"), word("notice", "period", text='"Notice period"')],
    ),
    "commas and semicolons": ("a, b;c、報告", [word("a"), word("b"), word("c"), word("報告")]),
    "capitals": ("Straße #STRASSE", [word("strasse", text="Straße"), tag("strasse")]),
    "the same twice": ("a A #a #A", [word("a"), tag("a")]),
    "a file's name": ("q3-report.pdf", [word("q3", "report", "pdf", text="q3-report.pdf")]),
    "a script without spaces": ("年度報告", [word("年度", "度報", "報告", text="年度報告")]),
    "other quotes": (
        "„zwei Worte“ «deux mots»",
        [word("zwei", "worte", text='"zwei Worte"'), word("deux", "mots", text='"deux mots"')],
    ),
    "a quote that is not closed": ('"notice period', [word("notice", text='"notice'), word("period")]),
    "empty quotes": ('"" " " “”', []),
    "a tag in quotes is a word": ('"#finance"', [word("finance", text='"#finance"')]),
    "a tag behind a bracket": ("(#finance)", [tag("finance")]),
    "an emoji and its variant": ("#❤️ ❤️", [tag("❤️")]),
    "emoji are tags, never words": ("🎉", [tag("🎉")]),
    "an emoji as Slack spells it": (":tada: #:shipit:", [tag("🎉"), tag(":shipit:")]),
    "escaped": ("r&amp;d #r&amp;d", [word("r", "d", text="r&d"), tag("r&d")]),
    "a mention": ("<@U1|mira> #x", [tag("x")]),
    "brackets": ("[#budget] (q3)", [tag("budget"), word("q3", text="(q3)")]),
    "a channel as Slack escapes it": ("<#C1ABC|finance>", [tag("finance")]),
    "joints": ("#c++ #to-do", [tag("c++"), tag("to-do")]),
    "right to left, with marks of direction": ("\u202bتقرير\u202c", [word("تقرير")]),
    "zero-width characters": ("fin\u200bance #q\u200b3", [word("finance"), tag("q3")]),
    "only punctuation": ('… ?! -- # ## "—" ()', []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE.keys())
def test_terms_of(text: str, expected: list[Term]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("report", "Q3 report", True),
        ("reports", "Q3 report", False),
        ('"notice period"', "the notice period ends", True),
        ('"notice period"', "the notice of the period", False),
        ('"period notice"', "the notice period", False),
        ('"a b a c"', "a b a b a c", True),
        ("q3-report.pdf", "q3_report.PDF", True),
        ("報告", "年度報告書", True),
        ("年報", "年度報告書", False),
        ("報告年度", "年度報告 報告", False),
    ],
)
def test_a_term_is_in_a_text_if_its_words_stand_there_next_to_each_other(
    query: str, text: str, expected: bool
) -> None:
    assert parse(query)[0].is_in(words(text)) is expected


def test_fifty_terms_are_fifty_terms() -> None:
    assert len(parse(" ".join(f"t{number}" for number in range(50)))) == 50


@pytest.mark.parametrize(
    "unit", ["a", '"', "#", "<#C1|", "年", "a\u0315\u0300", '"a', "#a", "“", "\u200b"], ids=ascii
)
def test_ten_thousand_characters_take_no_time(unit: str) -> None:
    before = time.process_time()
    parse((unit * 10_000)[:10_000])
    assert time.process_time() - before < 1


@given(st.text(alphabet='#aé年 ",„“<|>C1\u200b🎉-', max_size=60) | st.text())
def test_whatever_is_typed_terms_are_sound(text: str) -> None:
    terms = parse(text)
    assert len({term[1:] for term in terms}) == len(terms)
    for term in terms:
        assert (term.tag is None) == bool(term.words)
        assert parse(escape(term.text))[:1] == [term]  # it can be typed again, as "show more" does
