"""The density of the desktop's screens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edid.physical_dpi import physical_dpi


def test_density_of_a_real_screen() -> None:
    assert physical_dpi(3840, 597, 336) == pytest.approx(163.4, abs=0.1)


@pytest.mark.parametrize("size", [(0, 0), (160, 90), (16, 9), (1, 1), (300000, 200000), (-300, -200)])
def test_sizes_that_cannot_be_true_are_not_used(size: tuple[int, int]) -> None:
    assert physical_dpi(1920, *size) is None


@settings(deadline=None)
@given(st.integers(1, 100_000), st.floats(), st.floats())
def test_every_size_gives_a_usable_density_or_none(pixels: int, width: float, height: float) -> None:
    dpi = physical_dpi(pixels, width, height)
    assert dpi is None or 40 <= dpi <= 600
