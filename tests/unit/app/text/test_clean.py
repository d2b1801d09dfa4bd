"""Text that others chose, before it is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.clean import LONGEST_NAME, clean, clean_line

# The characters that change what stands around them, or that nobody sees.
HARMFUL = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x2028, 0x2029, 0x2800, 0x3164)),
    *map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFE0F, 0xFEFF, 0xFFF9)),
    *map(chr, (0xD800, 0xDFFF, 0x378, 0xE000, 0xE0001, 0xE0041, 0xE0100, 0x10FFFF)),
]


@pytest.mark.parametrize("name", ["win10", "Büro 2 (Kopie)", "虚拟机", "שרת", "default_a-b.c:1", "a" * LONGEST_NAME])
def test_an_honest_name_stays_as_it_is(name: str) -> None:
    assert clean(name) == name


@pytest.mark.parametrize("character", HARMFUL, ids=lambda each: f"U+{ord(each):04X}")
def test_a_character_that_cannot_be_seen_is_replaced(character: str) -> None:
    assert clean(f"a{character}b") == "a?b"
    assert clean_line(f"a{character}b") == "a b"


@given(st.text(), st.integers(1, 40))
def test_the_result_is_bounded_visible_and_stays_when_it_is_cleaned_again(text: str, longest: int) -> None:
    for function in (clean, clean_line):
        line = function(text, longest)
        assert len(line) <= longest
        assert not any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for each in line)
        assert function(line, longest) == line


@pytest.mark.parametrize("blank", ["\xa0", "\u2003", "\u3000"])
def test_a_blank_of_another_width_is_a_blank(blank: str) -> None:
    assert clean(f"a{blank}b") == "a b"


def test_a_cut_name_shows_that_it_was_cut() -> None:
    assert clean("a" * 200_000) == "a" * (LONGEST_NAME - 1) + "…"


def test_a_message_of_several_lines_becomes_one() -> None:
    assert clean_line("  Error:\n\n\tno such\x1b[31m  device\r\n") == "Error: no such [31m device"
