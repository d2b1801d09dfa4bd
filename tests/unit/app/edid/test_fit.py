"""The mode for a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edid.fit import LEAST_HEIGHT, LEAST_WIDTH, fitting_mode
from app.edid.make import make_edid
from app.edid.mode import Limits, Mode

edges = st.integers(1, 16384)
limits = st.builds(
    Limits,
    st.none() | st.integers(64, 8192),
    st.none() | st.integers(64, 8192),
    st.sampled_from([128, 256, 1024]),
)


@given(edges, edges, limits, st.floats(20, 480))
def test_it_is_within_the_limits_and_can_be_made(width: int, height: int, limits: Limits, refresh: float) -> None:
    mode = fitting_mode(width, height, limits, refresh)
    assert mode is not None
    assert make_edid(mode, limits)
    assert mode.refresh_hz <= refresh
    assert mode.width <= max(width, LEAST_WIDTH) and mode.height <= max(height, LEAST_HEIGHT)


@pytest.mark.parametrize(
    ("window", "limits", "wanted"),
    [
        ((1280, 800), Limits(), (1280, 800)),
        ((1287, 801), Limits(), (1280, 800)),
        ((10, 10), Limits(), (320, 200)),
        # The shape of the window, as large as the device can.
        ((3840, 2160), Limits(1920, 1200), (1920, 1080)),
        ((1200, 1920), Limits(1920, 1200), (744, 1200)),
        ((7680, 2160), Limits(None, None, 128), (4088, 1150)),
        ((640, 480), Limits(200, 100), (200, 100)),
    ],
)
def test_examples(window: tuple[int, int], limits: Limits, wanted: tuple[int, int]) -> None:
    mode = fitting_mode(*window, limits)
    assert mode is not None
    assert (mode.width, mode.height, mode.refresh_hz) == (*wanted, 60.0)


def test_a_clock_too_fast_for_the_edid_gives_a_slower_rate() -> None:
    mode = fitting_mode(4000, 3000, Limits(max_size=128), 60.0)
    assert mode == Mode(4000, 3000, 50.0)
