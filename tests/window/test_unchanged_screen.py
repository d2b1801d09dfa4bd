"""A screen on which nothing changes is not drawn, and what changes in it appears."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.window.displays import Display, Picture
from tests.window.test_view import STILL, close, guest_picture, wait_for_screen
from tests.window.viewer import DrivenViewer, driving, viewing

# The guest is drawn for half a second after its last change, and a picture that was never looked at whole once more.
_REST_S = 1.0
_PATIENCE_S = 30.0


def _rest(viewer: DrivenViewer) -> int:
    """Wait until the window draws no more; how often it has drawn."""
    end = time.monotonic() + _PATIENCE_S
    drawn = -1
    while drawn != (drawn := viewer.do("swaps")):
        assert time.monotonic() < end, "it always draws"
        time.sleep(_REST_S)
    return drawn


def _white(picture: Picture, x: int, y: int, width: int, height: int) -> Picture:
    changed = picture.copy()
    changed[y : y + height, x : x + width] = 255
    return changed


def _same(wanted: Picture) -> Callable[[Picture], bool]:
    return lambda screen: np.array_equal(screen, wanted)


def test_an_unchanged_screen_is_not_drawn_and_each_change_in_it_appears(wayland: Display) -> None:
    """Also a text cursor and a single pixel, which no flip tells."""
    picture = guest_picture()
    with driving(wayland, f"sim:{STILL}", "--fullscreen") as viewer:
        viewer.wait_for("showing, .*path: egl-image")
        assert np.array_equal(wait_for_screen(wayland, _same(picture)), picture)
        drawn = _rest(viewer)
        time.sleep(_REST_S)
        assert viewer.do("swaps") == drawn
        for place in ((400, 300, 2, 16), (7, 5, 1, 1)):
            _rest(viewer)
            picture = _white(picture, *place)
            viewer.do("draw_in_place", *place)
            assert np.array_equal(wait_for_screen(wayland, _same(picture)), picture), place
        close(viewer)


def test_a_hidden_window_draws_nothing_and_shows_the_newest_picture_when_it_is_back(wayland: Display) -> None:
    """A guest that flips on meanwhile."""
    with driving(wayland, "sim:gvt,size=320x240,fps=30") as viewer:
        viewer.wait_for("showing, .*path: egl-image")
        viewer.do("hide")
        hidden = viewer.do("swaps")
        time.sleep(1.0)
        assert viewer.do("swaps") == hidden
        viewer.do("show")
        end = time.monotonic() + _PATIENCE_S
        while viewer.do("swaps") < hidden + 10:
            assert time.monotonic() < end, "it does not draw any more"
            time.sleep(0.1)
        close(viewer)


@pytest.mark.parametrize("arguments", [(), ("--poll", "16")], ids=["own-pace", "fixed-pace"])
def test_a_tear_free_window_shows_the_same_picture(wayland: Display, arguments: tuple[str, ...]) -> None:
    picture = guest_picture()
    with viewing(wayland, f"sim:{STILL}", "--fullscreen", "--tear-free", *arguments) as viewer:
        viewer.wait_for("showing, .*path: egl-image")
        assert np.array_equal(wait_for_screen(wayland, _same(picture)), picture)
        close(viewer)
