"""The file that tells where the fields of an event are."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracing.event_format import Field, parse_format
from tests.unit.app.tracing import pages


def test_the_fields_of_a_real_kernel() -> None:
    read = parse_format(pages.START_FORMAT, "common_pid", "cmd")
    assert read.number == pages.START_ID
    assert (read.fields["common_pid"], read.fields["cmd"]) == (Field(4, 4, True), Field(24, 8, False))
    assert parse_format(pages.END_FORMAT).fields["ret"] == Field(16, 8, True)


@pytest.mark.parametrize(("text", "lacks"), [(pages.END_FORMAT, "cmd"), ("format:\n", "ID"), ("ID: 5\n", "cmd")])
def test_a_format_without_what_is_needed_is_refused(text: str, lacks: str) -> None:
    with pytest.raises(ValueError, match=lacks):
        parse_format(text, "cmd")


@given(st.text(), st.integers(0, len(pages.START_FORMAT)))
def test_any_text_is_read_or_refused(text: str, at: int) -> None:
    with suppress(ValueError):
        read = parse_format(pages.START_FORMAT[:at] + text + pages.START_FORMAT[at:], "cmd")
        assert all(each.size in (1, 2, 4, 8) for each in read.fields.values())
