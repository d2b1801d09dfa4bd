"""Numbers out of nodes that a guest may write."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.xen.backend.guest_error import GuestError
from app.xen.backend.node_number import node_number, node_size


@given(st.integers(0, 2**32 - 1))
def test_what_the_kernel_writes_is_read(number: int) -> None:
    assert node_number(str(number)) == number


@given(st.text(max_size=12) | st.text("0123456789x+- _٣²\n\0", max_size=12))
def test_any_text_is_a_number_in_range_or_the_one_error(text: str) -> None:
    with suppress(GuestError):
        assert 3 <= node_number(text, 3, 1000) <= 1000
    with suppress(GuestError):
        assert all(1 <= side <= 16384 for side in node_size(text, 16384))


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1 ", "1\n", "1_0", "0x10", "٣", "²", "4294967296", "9" * 5000])
def test_what_python_reads_and_the_kernel_never_writes_is_refused(text: str) -> None:
    with pytest.raises(GuestError):
        node_number(text)


def test_a_resolution_is_two_numbers() -> None:
    assert node_size("1920x1080", 16384) == (1920, 1080)
    for text in ("1920", "1920x", "x1080", "1920x1080x3", "0x600", "16385x1", "1920X1080"):
        with pytest.raises(GuestError):
            node_size(text, 16384)
