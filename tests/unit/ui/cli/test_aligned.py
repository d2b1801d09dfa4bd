"""Columns for a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from app.text.clean import visible
from ui.cli.aligned import WIDTH, columns, wrapped


def test_columns_are_aligned_and_the_last_one_is_wrapped() -> None:
    lines = columns([("A", "NUMBER", "TEXT"), ("long", "7", "word " * 30)], right={1})
    assert lines[0] == "  A     NUMBER  TEXT"
    assert lines[1].startswith("  long       7  word word")
    assert lines[2].startswith(" " * 16 + "word")
    assert max(map(len, lines)) <= WIDTH


@given(st.text(max_size=400), st.integers(0, 40))
def test_nothing_is_lost_and_every_line_is_printable(text: str, indent: int) -> None:
    lines = wrapped(text, " " * indent, " " * indent)
    assert all(len(each) <= WIDTH and each.isprintable() for each in lines)
    assert "".join(lines).replace(" ", "") == visible(text).replace(" ", "")
