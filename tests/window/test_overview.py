"""The overview as a person sees it, on headless displays."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.window.displays import Display, Picture
from tests.window.test_view import close, guest_picture, wait_for_screen
from tests.window.viewer import DrivenViewer, driven

# A picture of 16:9, so that it fills its tile; without flips, so that it is the same in every process.
STILL = "gvt,size=1280x720,fps=0,cursor=off"
# In shades of red only.
OTHER = STILL + ",format=C8"
# Of 255, in the mean of all pixels: the filters differ.
_MOST_DIFFERENCE = 6.0
_PATIENCE_S = 60.0


@contextlib.contextmanager
def overview(display: Display, *arguments: str) -> Iterator[DrivenViewer]:
    """A running overview that the test operates, see :mod:`tests.window.overview_driver`."""
    with driven(display, "tests.window.overview_driver", "overview", *arguments) as viewer:
        yield viewer


def until(viewer: DrivenViewer, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The tiles as soon as they are ``wanted``."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        tiles: list[dict[str, Any]] = viewer.do("tiles")
        if wanted(tiles):
            return tiles
        assert time.monotonic() < end, (tiles, viewer.lines)
        time.sleep(0.05)


def states(*wanted: str) -> Callable[[list[dict[str, Any]]], bool]:
    return lambda tiles: [each["state"] for each in tiles] == list(wanted)


def small(picture: Picture, width: int, height: int) -> Picture:
    """A picture of this size, each pixel the mean of those that it stands for."""
    rows = np.linspace(0, picture.shape[0], height + 1).astype(int)[:-1]
    columns = np.linspace(0, picture.shape[1], width + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(picture.astype(float), rows, axis=0), columns, axis=1)
    counts = np.outer(np.diff(np.append(rows, picture.shape[0])), np.diff(np.append(columns, picture.shape[1])))
    means: Picture = (sums / counts[..., None]).astype(np.uint8)
    return means


def shows(screen: Picture, tile: dict[str, Any], picture: Picture) -> bool:
    """Whether a tile of an overview that fills the screen has this picture."""
    left, top, width, height = tile["place"]
    seen = screen[top : top + height, left : left + width]
    if seen.shape[:2] != (height, width):
        return False
    # Coarse: the tile's frame and round corners are over the picture, and a filter changes fine patterns.
    difference = abs(small(picture, 32, 18).astype(int) - small(seen, 32, 18).astype(int))
    return float(difference.mean()) < _MOST_DIFFERENCE


@pytest.mark.parametrize("display_name", ["wayland", "wayland_2x", "x11"])
def test_each_tile_is_its_guests_picture(display_name: str, request: pytest.FixtureRequest) -> None:
    display: Display = request.getfixturevalue(display_name)
    first, second = guest_picture(STILL), guest_picture(OTHER)
    assert abs(first.astype(int) - second.astype(int)).mean() > 4 * _MOST_DIFFERENCE, "they are hard to tell apart"
    targets = [f"sim:{STILL}", f"sim:{OTHER}", "sim:gvt,fault=off@0"]
    with overview(display, "--fullscreen", *targets) as viewer:
        until(viewer, states("Showing", "Showing", "No signal"))

        def is_right(screen: Picture) -> bool:
            tiles = viewer.do("tiles")
            return shows(screen, tiles[0], first) and shows(screen, tiles[1], second)

        screen = wait_for_screen(display, is_right)
        assert is_right(screen)
        tiles = viewer.do("tiles")
        assert tiles[0]["accessible"].startswith(f"sim:{STILL}, simulated, Showing")
        assert not shows(screen, tiles[2], first), "what is off has words and no picture"
        close(viewer)


@pytest.mark.parametrize("display_name", ["wayland", "x11"])
def test_a_click_or_enter_opens_a_window_and_its_end_returns(display_name: str, request: pytest.FixtureRequest) -> None:
    display: Display = request.getfixturevalue(display_name)
    targets = [f"sim:{STILL}", f"sim:{STILL},buffers=2", "sim:mbochs,fps=0", "sim:gvt,fps=0,size=640x360"]
    with overview(display, *targets) as viewer:
        until(viewer, states(*["Showing"] * 4))
        viewer.do("click", 0)
        viewer.do("key", "Right")
        viewer.do("key", "Return")
        viewer.do("click", 2)
        viewer.do("click", 0)
        end = time.monotonic() + _PATIENCE_S
        while sum(" Showing" in each for each in viewer.do("windows")) < 3:
            assert time.monotonic() < end, viewer.do("windows")
            time.sleep(0.05)
        assert len(viewer.do("windows")) == 3, "a second click on one opens no second window"
        assert len([each for each in viewer.lines if "path: " in each]) == 3, viewer.lines
        # The tiles go on while the windows show the same devices.
        assert [each["state"] for each in viewer.do("tiles")] == ["Showing"] * 4
        viewer.do("close_windows")
        assert viewer.do("windows") == []
        viewer.do("click", 1)
        assert len(viewer.do("windows")) == 1
        viewer.do("close")
        # The window that is left goes on without the overview.
        assert viewer.process.poll() is None
        viewer.do("close_windows")
        assert viewer.process.wait(_PATIENCE_S) == 0
        viewer._reader.join()
        assert viewer.warnings() == []


def test_a_device_that_goes_changes_its_tile_and_its_window(wayland: Display) -> None:
    with overview(wayland, f"sim:{STILL},fault=gone@6", f"sim:{STILL}") as viewer:
        until(viewer, states("Showing", "Showing"))
        viewer.do("click", 0)
        until(viewer, states("Device removed", "Showing"))
        viewer.wait_for("gone, device-removed")
        tile = viewer.do("tiles")[0]
        assert tile["caption"] == "Device removed" and "fps" not in tile["caption"]
        viewer.do("click", 0)
        viewer.do("close_windows")
        close(viewer)


def test_what_cannot_be_opened_says_why_and_the_others_show(wayland: Display) -> None:
    with overview(wayland, "sim:gvt,size=1x1", f"sim:{STILL}", "83b8f4f2", "vm:no-such-vm") as viewer:
        tiles = until(
            viewer,
            lambda tiles: (
                [each["state"] for each in tiles][:2] == ["Cannot open this", "Showing"]
                and [each["state"] for each in tiles][2:] == ["Waiting", "Waiting"]
            ),
        )
        assert "size=1x1" in tiles[0]["tip"]
        close(viewer)


def test_no_opengl_is_one_line(wayland: Display) -> None:
    display = Display("none", wayland.env | {"QT_QPA_PLATFORM": "minimal"}, wayland.directory)
    with overview(display, f"sim:{STILL}") as viewer:
        assert viewer.process.wait(60) == 1
        viewer._reader.join()
    (line,) = viewer.warnings()
    assert line.startswith("mdevview: cannot open a window: Qt has no OpenGL on its platform 'minimal'")
