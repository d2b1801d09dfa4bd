"""Lists of grant references: what a person writes, and what a foreign program may have written into a file."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.xen.references.refs_list import MOST_REFS, is_list, parse_refs

_REFS = st.integers(0, 0xFFFFFFFF)


@given(st.lists(_REFS, min_size=1, max_size=50), st.sampled_from(["+", ",", "\n", " ", "\r\n", " ,\t", "  # page\n"]))
def test_numbers_with_any_separator_are_read_back(refs: list[int], separator: str) -> None:
    assert parse_refs(separator.join(map(str, refs))) == tuple(refs)


def test_ranges_and_comments() -> None:
    assert parse_refs("# picture\n8-11, 3 # 99\n\n+20") == (8, 9, 10, 11, 3, 20)
    assert parse_refs(f"0-{MOST_REFS - 1}") == tuple(range(MOST_REFS))


@given(st.text(max_size=60) | st.text("0123456789-+, \n#x", max_size=60))
@example("0-4294967295")
@example("9-8")
@example("٣")
@example("1-2-3")
@example("9" * 5000)
def test_any_text_is_bounded_references_or_words(text: str) -> None:
    with suppress(ValueError):
        refs = parse_refs(text)
        assert 0 < len(refs) <= MOST_REFS
        assert all(0 <= each <= 0xFFFFFFFF for each in refs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no references"),
        ("# only words", "no references"),
        ("8 nine", "'nine' is no grant reference"),
        ("-8", "'-8' is no grant reference"),
        ("4294967296", "is no grant reference"),
        ("0-4294967295", "more than"),
        (" ".join(["0-99999"] * 9), "more than"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_refs(text)


def test_a_target_has_references_or_a_files_name() -> None:
    assert all(map(is_list, ("8", "8+9", "8-20+3")))
    assert not any(map(is_list, ("", "./8", "8+", "+8", "8,9", "refs", "8 9", "8\n", "٣")))
