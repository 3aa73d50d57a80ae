"""What people write is parsed in linear time, whatever they write."""

from bench import parsers


def test_no_parser_takes_more_per_character_of_a_longer_text() -> None:
    figures = parsers.measure()
    again = parsers.measure() if parsers.growth(figures) else figures  # the machine may have been busy
    assert not set(parsers.growth(figures)) & set(parsers.growth(again))
    assert len(parsers.table(figures).splitlines()) == len(parsers.SHAPES) + 2


def test_a_quadratic_parser_is_seen() -> None:
    figures = {"tags": {"marks": (100.0, 400.0), "prose": (100.0, 110.0), "short": (1.0, 12.0)}}
    assert [line.partition(":")[0] for line in parsers.growth(figures)] == ["tags, marks"]
