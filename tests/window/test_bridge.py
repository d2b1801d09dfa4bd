"""A window whose display cannot import the buffers: they come over a bridge, and look the same."""

import time

import numpy as np

from tests.window.displays import Display, Picture
from tests.window.test_view import STILL, close, guest_picture, wait_for_screen
from tests.window.viewer import driven

_DRIVER = "tests.window.bridged_driver"


def test_the_whole_screen_is_the_guests_picture(wayland: Display) -> None:
    """Pixel for pixel, with Qt's own context current again for whatever Qt draws."""
    picture = guest_picture()
    with driven(wayland, _DRIVER, "view", f"sim:{STILL}", "--fullscreen") as viewer:
        viewer.wait_for("showing, .*path: bridge")
        on_screen = wait_for_screen(wayland, lambda it: np.array_equal(it, picture))
        end = time.monotonic() + 20
        while not viewer.do("findings") and time.monotonic() < end:
            time.sleep(0.1)
        assert "bridge" in viewer.do("findings")
        close(viewer)
    assert np.array_equal(on_screen, picture)


def test_a_still_picture_gets_the_size_of_its_window(wayland: Display) -> None:
    """The look for one colour makes the window's context current again, which may take a buffer of the size before."""
    with driven(wayland, _DRIVER, "view", f"sim:{STILL},cursor=off") as viewer:
        viewer.wait_for("showing, .*path: bridge")
        viewer.wait_until("findings", lambda it: "picture-unchanged" in it)
        viewer.do("trigger", "inspector")
        on_screen = wait_for_screen(wayland, _has_light_right_side)
        close(viewer)
    assert _has_light_right_side(on_screen)


def _has_light_right_side(screen: Picture) -> bool:
    """Whether a window's right quarter is light, as the inspector is there, and not black, as a picture's border is."""
    rows, columns = np.nonzero((screen != screen[0, 0]).any(axis=2))
    if not rows.size:
        return False
    left, right, middle = int(columns.min()), int(columns.max()), int(rows.min() + rows.max()) // 2
    return bool(screen[middle - 20 : middle + 20, right - (right - left) // 4 : right - 20].mean() > 150)


def test_a_guest_that_draws_in_place_is_seen(wayland: Display) -> None:
    """No flip tells of it: the window looks at the pixels, and hands them over anew."""
    with driven(wayland, _DRIVER, "view", f"sim:{STILL},cursor=off", "--fullscreen") as viewer:
        viewer.wait_for("showing, .*path: bridge")
        white = guest_picture(f"{STILL},cursor=off")
        wait_for_screen(wayland, lambda it: np.array_equal(it, white))
        viewer.do("draw_in_place", 100, 100, 60, 40)
        white[100:140, 100:160] = 255
        on_screen = wait_for_screen(wayland, lambda it: np.array_equal(it, white))
        close(viewer)
    assert np.array_equal(on_screen, white)
