"""The guest's screen as large as the window, and rotated."""

import re
import time

import numpy as np
import pytest

from tests.window.displays import HEIGHT, WIDTH, Display
from tests.window.test_view import close, guest_picture, wait_for_screen, window_of, xdotool
from tests.window.viewer import Viewer, viewing

SMALL = "sim:gvt,size=640x480,fps=0"
_PATIENCE_S = 20.0


def asked(viewer: Viewer, count: int) -> str:
    """The mode that the guest was asked for the ``count``-th time, waited for."""
    end = time.monotonic() + _PATIENCE_S
    while len(found := re.findall(r"asked the guest for (\S+)", "\n".join(viewer.lines))) < count:
        assert time.monotonic() < end, viewer.lines
        time.sleep(0.05)
    return str(found[count - 1])


def test_a_guest_that_follows_fills_the_screen_pixel_for_pixel(wayland: Display) -> None:
    picture = guest_picture(f"gvt,size={WIDTH}x{HEIGHT},fps=0")
    with viewing(wayland, SMALL, "--fullscreen", "--follow") as viewer:
        on_screen = wait_for_screen(wayland, lambda it: np.array_equal(it, picture))
        close(viewer)
    assert np.array_equal(on_screen, picture)


def test_a_guest_that_follows_gets_device_pixels_within_its_limits(wayland_2x: Display) -> None:
    with viewing(wayland_2x, SMALL, "--fullscreen", "--follow") as viewer:
        assert asked(viewer, 1) == "1920x1200@60"
        close(viewer)


def test_a_guest_follows_a_window_that_is_resized(x11: Display) -> None:
    with viewing(x11, SMALL, "--follow") as viewer:
        viewer.wait_for("path: ")
        window = window_of(x11)
        asked(viewer, 1)
        heights = []
        for count, (width, height) in enumerate([(903, 650), (1250, 900)], start=2):
            xdotool(x11, "windowsize", "--sync", window, str(width), str(height))
            mode = re.fullmatch(r"(\d+)x(\d+)@60", asked(viewer, count))
            assert mode is not None
            assert int(mode[1]) == width // 8 * 8
            heights.append(int(mode[2]))
            viewer.wait_for(rf"degraded, .* {mode[1]}x{mode[2]} ")
        # The menu bar and the status line are as high as before.
        assert heights[1] - heights[0] in range(250 - 2, 250 + 3)
        close(viewer)


def test_a_resolution_is_asked_for_with_its_rate(wayland: Display) -> None:
    with viewing(wayland, SMALL, "--resolution", "1024x768@75") as viewer:
        assert asked(viewer, 1) == "1024x768@75"
        viewer.wait_for("showing, .*1024x768 ")
        close(viewer)


@pytest.mark.parametrize("degrees", [90, 180])
def test_a_turned_picture_fills_the_screen(wayland: Display, degrees: int) -> None:
    size = (HEIGHT, WIDTH) if degrees == 90 else (WIDTH, HEIGHT)
    spec = f"gvt,size={size[0]}x{size[1]},fps=0"
    picture = np.rot90(guest_picture(spec), -degrees // 90)
    with viewing(wayland, f"sim:{spec}", "--fullscreen", "--rotate", str(degrees)) as viewer:
        on_screen = wait_for_screen(wayland, lambda it: np.array_equal(it, picture))
        close(viewer)
    assert np.array_equal(on_screen, picture)
