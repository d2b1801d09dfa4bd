"""The window as a person sees it, on headless displays."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.sim.profile import open_simulated
from tests.window.displays import HEIGHT, WIDTH, Display, Picture, load_png
from tests.window.viewer import Viewer, viewing

# Without flips, so the picture is the same in every process.
STILL = f"gvt,size={WIDTH}x{HEIGHT},fps=0"
_PATIENCE_S = 20.0


def guest_picture(spec: str = STILL) -> Picture:
    """The picture that the simulated guest draws, [height, width, 3]."""
    device = open_simulated(spec)
    try:
        picture = device.picture()
        assert picture is not None
        return picture[..., :3]
    finally:
        device.close()


def wait_for_screen(display: Display, wanted: Callable[[Picture], bool]) -> Picture:
    """The screen as soon as it is ``wanted``, or as it is after the time limit, for an assertion."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        picture = display.picture()
        if wanted(picture) or time.monotonic() >= end:
            return picture
        time.sleep(0.3)


def close(viewer: Viewer) -> None:
    """End the program with Ctrl-C. It must exit with 0 and must have logged no warning."""
    assert viewer.interrupt() == 0
    assert viewer.warnings() == []


def contains(screen: Picture, picture: Picture) -> bool:
    """Whether the picture is somewhere on the screen, pixel for pixel."""
    height, width, _ = picture.shape
    rows, columns = screen.shape[0] - height + 1, screen.shape[1] - width + 1
    corner = (screen[:rows, :columns] == picture[0, 0]).all(axis=2)
    return any(
        np.array_equal(screen[top : top + height, left : left + width], picture)
        for top, left in np.argwhere(corner)
        if np.array_equal(screen[top, left : left + width], picture[0])
    )


def test_on_wayland_the_whole_screen_is_the_guests_picture(wayland: Display) -> None:
    """Pixel for pixel with the cursor in its place, by import and without a copy."""
    picture = guest_picture()
    with viewing(wayland, f"sim:{STILL}", "--fullscreen") as viewer:
        viewer.wait_for("showing, .*path: egl-image")
        on_screen = wait_for_screen(wayland, lambda it: np.array_equal(it, picture))
        close(viewer)
    assert on_screen.shape == picture.shape
    wrong = np.argwhere((on_screen != picture).any(axis=2))
    assert not len(wrong), f"{len(wrong)} pixels differ, the first at {wrong[0]}"


@pytest.mark.parametrize("scale", [1, 2])
def test_on_x11_the_same_picture_comes_by_copy(x11: Display, scale: int, tmp_path: Path) -> None:
    """Without DRI3 EGL imports nothing; there is no window manager here, so the window may be anywhere.

    A larger window, which an earlier test may have left in the settings, would show a larger whole factor.
    """
    spec = "gvt,size=640x480,fps=0"
    picture = guest_picture(spec).repeat(scale, axis=0).repeat(scale, axis=1)
    scaled = replace(x11, env={**x11.env, "QT_SCALE_FACTOR": str(scale), "XDG_CONFIG_HOME": str(tmp_path)})
    with viewing(scaled, f"sim:{spec}", "--scaling", "integer") as viewer:
        viewer.wait_for("degraded, no-import-extension, .*path: copy")
        on_screen = wait_for_screen(x11, lambda it: contains(it, picture))
        close(viewer)
    assert contains(on_screen, picture)


def test_on_a_hidpi_screen_every_guest_pixel_is_two_by_two(wayland_2x: Display) -> None:
    picture = guest_picture().repeat(2, axis=0).repeat(2, axis=1)
    with viewing(wayland_2x, f"sim:{STILL}", "--fullscreen", "--scaling", "integer") as viewer:
        viewer.wait_for("path: egl-image")
        on_screen = wait_for_screen(wayland_2x, lambda it: np.array_equal(it, picture))
        close(viewer)
    assert np.array_equal(on_screen, picture)


def test_a_plane_that_is_off_is_words_and_the_picture_returns(wayland: Display) -> None:
    with viewing(wayland, f"sim:{STILL},fault=off@8-14", "--fullscreen") as viewer:
        viewer.wait_for("showing, ")
        viewer.wait_for("no-signal, plane-off")
        time.sleep(0.5)
        words = wayland.picture()
        assert [each for each in viewer.lines if "showing, " in each][1:] == [], "the fault ended too early"
        # Dark, with light letters in the middle: neither black nor the last picture.
        assert (words > 200).any()
        assert 0 < (words.max(axis=2) > 150).mean() < 0.1
        end = time.monotonic() + _PATIENCE_S
        while sum("showing, " in line for line in viewer.lines) < 2:
            assert time.monotonic() < end, viewer.lines
            time.sleep(0.1)
        picture = guest_picture()
        assert np.array_equal(wait_for_screen(wayland, lambda it: np.array_equal(it, picture)), picture)
        close(viewer)


def test_a_device_that_goes_is_said_to_be_gone(wayland: Display) -> None:
    with viewing(wayland, f"sim:{STILL},fault=gone@2") as viewer:
        viewer.wait_for("gone, device-removed")
        close(viewer)


@pytest.mark.parametrize("display_name", ["wayland", "x11"])
def test_the_first_picture_is_logged_with_format_modifier_and_path(
    display_name: str, request: pytest.FixtureRequest
) -> None:
    display: Display = request.getfixturevalue(display_name)
    with viewing(display, "sim:gvt,format=YUYV,modifier=X,size=640x480") as viewer:
        line = viewer.wait_for("path: ")
        close(viewer)
    assert re.search(r"degraded, .*640x480  YUYV INTEL_X_TILED, path: copy", line)


def test_no_display_at_all_is_one_line(wayland: Display) -> None:
    nowhere = Display("none", {**wayland.env, "WAYLAND_DISPLAY": "nowhere"}, wayland.directory)
    with viewing(nowhere, "sim:gvt,size=64x64") as viewer:
        assert viewer.process.wait(60) == 1
        viewer._reader.join()
    assert viewer.warnings() == [
        "mdevview: cannot open a window: Qt cannot use QT_QPA_PLATFORM=wayland with WAYLAND_DISPLAY=nowhere; "
        "unset it or correct it"
    ]


def test_a_platform_without_opengl_is_one_line(wayland: Display) -> None:
    """Qt itself would crash."""
    with viewing(Display("none", wayland.env | {"QT_QPA_PLATFORM": "minimal"}, wayland.directory), "sim:gvt") as viewer:
        assert viewer.process.wait(60) == 1
        viewer._reader.join()
    (line,) = viewer.warnings()
    assert line.startswith("mdevview: cannot open a window: Qt has no OpenGL on its platform 'minimal'")


def xdotool(display: Display, *words: str) -> str:
    """What the tool prints."""
    command = ["xdotool", *words]
    return subprocess.run(command, env=display.env, check=True, capture_output=True, text=True, timeout=60).stdout


def window_of(display: Display) -> str:
    return xdotool(display, "search", "--sync", "--onlyvisible", "--name", "mdevview").split()[0]


def press(display: Display, keys: str) -> None:
    """Type into the window as a person does."""
    xdotool(display, "windowfocus", "--sync", window_of(display))
    xdotool(display, "key", "--clearmodifiers", keys)


def test_the_screenshot_key_saves_the_guests_picture_and_says_where(x11: Display) -> None:
    spec = "gvt,size=320x200,fps=0"
    with viewing(x11, f"sim:{spec}") as viewer:
        viewer.wait_for("path: copy")
        press(x11, "ctrl+alt+s")
        line = viewer.wait_for("Saved ")
        assert np.array_equal(load_png(Path(line.partition("Saved ")[2])), guest_picture(spec))
        close(viewer)


def test_a_copied_picture_is_called_so_all_the_time(x11: Display) -> None:
    """Also while the guest is faster than this window draws."""
    with viewing(x11, "sim:gvt,size=2560x1440,fps=120") as viewer:
        viewer.wait_for("path: copy")
        window = window_of(x11)
        titles = {xdotool(x11, "getwindowname", window).strip() for _ in range(60)}
        close(viewer)
    assert titles == {"sim:gvt (simulated) — Showing, with a copy — mdevview"}


def test_the_quit_key_quits_and_the_size_is_remembered(x11: Display, tmp_path: Path) -> None:
    display = replace(x11, env={**x11.env, "XDG_CONFIG_HOME": str(tmp_path)})
    sizes = []
    for run in range(2):
        with viewing(display, "sim:gvt,size=64x64,fps=1") as viewer:
            viewer.wait_for("path: copy")
            window = window_of(x11)
            if run == 0:
                xdotool(x11, "windowsize", "--sync", window, "777", "555")
            geometry = xdotool(x11, "getwindowgeometry", "--shell", window)
            sizes.append(re.findall(r"(?:WIDTH|HEIGHT)=([0-9]+)", geometry))
            press(x11, "ctrl+alt+q")
            assert viewer.process.wait(60) == 0
    assert sizes == [["777", "555"], ["777", "555"]]
