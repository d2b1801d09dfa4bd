"""The size of the window, and the zoom: a pointer is always at the guest pixel that it is seen on."""

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.input.event import ABSOLUTE_MAX
from app.planes.zoom import next_step
from tests.window.displays import HEIGHT, WIDTH, Display, Picture, load_png
from tests.window.qmp_server import QmpServer
from tests.window.test_view import guest_picture, window_of, xdotool
from tests.window.viewer import DrivenViewer, driving

SIZE = (640, 480)
SPEC = f"gvt,size={SIZE[0]}x{SIZE[1]},fps=0"
_PATIENCE_S = 20.0
# The guest's cursor is no part of the picture that is compared.
_CURSOR = 70


def place_when(viewer: DrivenViewer, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Sizes and place of the picture when they are as wanted."""
    found: dict[str, Any] = viewer.wait_until("place", lambda it: it["place"] is not None and wanted(it))
    return found


def _has_size(size: list[int], found: dict[str, Any]) -> bool:
    """Whether the picture has this size and fills its place."""
    return bool(found["picture"] == size and found["place"] == [0, 0, *size])


def _shows_edge(x: int, found: dict[str, Any]) -> bool:
    """Whether the picture ends at the left edge of its place (``x`` is 0) or at the right one."""
    return bool(found["place"][0] == 0 if x == 0 else found["place"][2] == found["picture"][0])


def at_rest(viewer: DrivenViewer) -> dict[str, Any]:
    """The place when two looks find the same."""
    before: dict[str, Any] = {}

    def is_same(found: dict[str, Any]) -> bool:
        nonlocal before
        before, last = found, before
        time.sleep(0.15)
        return found == last

    return place_when(viewer, is_same)


def _is_tie(position: float, first: float, last: float, count: int) -> bool:
    """Whether the middle of a device pixel lies exactly between two guest pixels: it may then be either's."""
    return (Fraction(int(2 * (position - first)) + 1, int(2 * (last - first))) * count).denominator == 1


def check_pointer(display: Display, viewer: DrivenViewer, vm: QmpServer, picture: Picture, seed: int) -> None:
    """Point at some device pixels: the guest gets the pixel whose colour is seen there."""
    viewer.do("end_notice")
    found = at_rest(viewer)
    left, top, right, bottom = found["place"]
    width, height = found["picture"]
    corner_x, corner_y = viewer.do("corner")
    screen = display.picture()[corner_y : corner_y + height, corner_x : corner_x + width].astype(int)
    across, down = SIZE if right - left > bottom - top else SIZE[::-1]
    # Where the pixel beside or below has another colour, an error of one pixel is seen.
    shown = np.zeros(screen.shape[:2], bool)
    edges = (np.abs(np.diff(screen, axis=0, append=screen[-1:])).sum(axis=2) > 60) & (
        np.abs(np.diff(screen, axis=1, append=screen[:, -1:])).sum(axis=2) > 60
    )
    inside = (slice(max(0, int(top)), min(height, int(bottom))), slice(max(0, int(left)), min(width, int(right))))
    shown[inside] = edges[inside]
    cursor = viewer.do("cursor") or [-1000, -1000]
    candidates = np.random.default_rng(seed).permutation(np.argwhere(shown))[:100].tolist()
    chosen = [
        (x, y) for y, x in candidates if not _is_tie(x, left, right, across) and not _is_tie(y, top, bottom, down)
    ]
    chosen = chosen[:4]
    assert len(chosen) == 4
    corners = [(max(0, int(left)), max(0, int(top))), (min(width, int(right)) - 1, min(height, int(bottom)) - 1)]
    for x, y in (*chosen, *corners):
        vm.clear()
        xdotool(display, "mousemove", str(corner_x + x), str(corner_y + y))
        end = time.monotonic() + _PATIENCE_S
        while True:
            pixel = _guest_pixel(vm)
            if pixel is not None and (
                (screen[y, x] == picture[pixel[1], pixel[0]]).all()
                or max(abs(pixel[0] - cursor[0]), abs(pixel[1] - cursor[1])) < _CURSOR
            ):
                break
            assert time.monotonic() < end, (found, (x, y), pixel)
            time.sleep(0.02)


def _guest_pixel(vm: QmpServer) -> tuple[int, int] | None:
    """The guest pixel of the last event on each axis; None before there is one."""
    last = dict(each.split("=") for each in vm.events() if "=" in each)
    if not {"x", "y"} <= last.keys():
        return None
    x, y = (
        min(count - 1, int(last[axis]) * count // (ABSOLUTE_MAX + 1)) for axis, count in zip("xy", SIZE, strict=True)
    )
    return (x, y)


def test_the_pointer_is_at_the_pixel_that_is_seen_at_every_zoom(x11: Display, vm: QmpServer, tmp_path: Path) -> None:
    display = replace(x11, env={**x11.env, "QT_SCALE_FACTOR": "1.5", "XDG_CONFIG_HOME": str(tmp_path)})
    picture = guest_picture(SPEC).astype(int)
    with driving(display, f"sim:{SPEC}", "--filter", "nearest", "--qmp", vm.address) as viewer:
        viewer.wait_for("path: ")
        viewer.wait_for("monitor: ready")
        found = at_rest(viewer)
        assert max(abs(a - b) for a, b in zip(found["place"], [0, 0, *found["picture"]], strict=True)) <= 1, found
        xdotool(display, "windowfocus", "--sync", window_of(display))
        check_pointer(x11, viewer, vm, picture, 1)
        # The wheel with Ctrl is the guest's, with Alt too the window's.
        x, y = viewer.do("corner")
        before = viewer.do("place")["place"]
        xdotool(display, "mousemove", str(x + 200), str(y + 100), "keydown", "ctrl", "click", "4", "keyup", "ctrl")
        vm.wait_for("+ctrl", "+wheel-up", "-wheel-up", "-ctrl")
        assert viewer.do("place")["percent"] is None
        xdotool(display, "keydown", "ctrl", "keydown", "alt", *("click", "4") * 4, "keyup", "alt", "keyup", "ctrl")
        percent = next_step(round(100 * before[2] / SIZE[0]), 4)
        place_when(viewer, lambda it: it["percent"] == percent and len(it["bars"]) == 2)
        # The point below the pointer stayed there.
        after = at_rest(viewer)["place"]
        larger = after[2] - after[0]
        for at, axis in ((200.5, 0), (100.5, 1)):
            assert abs((at - after[axis]) / larger - (at - before[axis]) / before[2]) <= 3 / larger
        assert viewer.do("right")[0].endswith(f"{percent} %")
        check_pointer(x11, viewer, vm, picture, 2)
        # A screenshot has all of the guest's picture, at its size.
        viewer.do("trigger", "screenshot")
        saved = load_png(Path(viewer.wait_for("Saved ").rpartition("Saved ")[2]))
        assert saved.shape == picture.shape and (saved == picture).all(axis=2).mean() > 0.95
        viewer.do("scroll_to", 1000, 555)
        found = place_when(viewer, lambda it: it["place"][0] == -1000)
        assert found["place"][1] == -555
        check_pointer(x11, viewer, vm, picture, 3)
        for actions, seed in ((("rotate-90", "flip-x"), 4), (("rotate-180", "zoom-out"), 5)):
            for action in actions:
                viewer.do("trigger", action)
            check_pointer(x11, viewer, vm, picture, seed)
        for _ in range(5):
            viewer.do("trigger", "zoom-out")
        assert place_when(viewer, lambda it: it["percent"] < 100)["bars"] == []
        check_pointer(x11, viewer, vm, picture, 9)
        viewer.do("trigger", "fit")
        viewer.do("trigger", "rotate-0")
        viewer.do("trigger", "flip-x")
        place_when(viewer, lambda it: it["percent"] is None and not it["bars"])
        assert viewer.interrupt() == 0


def test_the_edges_of_a_fullscreen_and_a_drag_move_the_picture(x11: Display, vm: QmpServer, tmp_path: Path) -> None:
    """And the guest's pointer stays below the host's, which does not move."""
    display = replace(x11, env={**x11.env, "XDG_CONFIG_HOME": str(tmp_path)})
    with driving(display, "sim:gvt,size=1920x1080,fps=0", "--qmp", vm.address) as viewer:
        viewer.wait_for("monitor: ready")
        window = window_of(display)
        xdotool(display, "windowfocus", "--sync", window, "windowmove", "--sync", window, "0", "0")
        viewer.do("trigger", "fullscreen")
        # Without a window manager, the window keeps its size.
        width, height = place_when(viewer, lambda it: it["window"] == it["picture"])["picture"]
        xdotool(display, "mousemove", str(width // 2), str(height // 2))
        viewer.do("trigger", "zoom-in")
        xdotool(display, "key", "ctrl+alt+equal", "ctrl+alt+equal")
        assert place_when(viewer, lambda it: it["percent"] == 200)["bars"] == []
        for x, y, name in ((width - 1, height - 1, str(ABSOLUTE_MAX)), (0, 0, "0")):
            xdotool(display, "mousemove", str(x), str(y))
            vm.wait_for(f"x={name}")
            place_when(viewer, partial(_shows_edge, x))
            vm.wait_for(f"y={name}")
        viewer.do("trigger", "fullscreen")
        assert viewer.interrupt() == 0
    with driving(display, "sim:gvt,size=1920x1080,fps=0", "--scaling", "actual") as viewer:
        viewer.wait_for("path: ")
        window = window_of(display)
        xdotool(display, "windowsize", "--sync", window, "800", "600")
        place_when(viewer, lambda it: it["fixed"] and len(it["bars"]) == 2)
        before = at_rest(viewer)["place"]
        x, y = viewer.do("corner")
        xdotool(display, "mousemove", str(x + 400), str(y + 300), "mousedown", "1")
        xdotool(
            display, "mousemove", str(x + 361), str(y + 323), "mousemove", str(x + 350), str(y + 310), "mouseup", "1"
        )
        place_when(viewer, lambda it: it["place"][:2] == [before[0] - 50, before[1] + 10])
        # No button is held any more.
        xdotool(display, "mousemove", str(x + 100), str(y + 100))
        assert at_rest(viewer)["place"][:2] == [before[0] - 50, before[1] + 10]
        # Nor does input go to a guest: Ctrl and the wheel are the window's.
        xdotool(display, "keydown", "ctrl", "click", "5", "keyup", "ctrl")
        place_when(viewer, lambda it: it["percent"] == 75)
        # The user chose the size of the window: the guest's modes do not change it.
        size = viewer.do("place")["window"]
        viewer.do("ask_for", 1024, 768)
        place_when(viewer, lambda it: it["place"][2] - it["place"][0] == 768)
        assert at_rest(viewer)["window"] == size
        assert viewer.interrupt() == 0


def test_the_first_window_fits_the_screen_and_follows_the_guest(wayland: Display, tmp_path: Path) -> None:
    display = replace(wayland, env={**wayland.env, "XDG_CONFIG_HOME": str(tmp_path)})
    with driving(display, "sim:gvt,size=1920x1080,fps=0") as viewer:
        viewer.wait_for("path: ")
        found = at_rest(viewer)
        assert found["window"][0] < WIDTH and found["window"][1] < HEIGHT and not found["fixed"]
        assert found["place"] == [0, 0, *found["picture"]], "no bar at any side"
        viewer.do("trigger", "fullscreen")
        place_when(viewer, lambda it: it["window"] == [WIDTH, HEIGHT])
        viewer.do("trigger", "fullscreen")
        place_when(viewer, lambda it: it["window"] == found["window"])
        assert at_rest(viewer) == found, "fullscreen changed the window"
        for width, height in ((1024, 640), (800, 600)):
            viewer.do("ask_for", width, height)
            place_when(viewer, partial(_has_size, [width, height]))
        assert viewer.interrupt() == 0


def test_where_the_desktop_decides_the_size_it_is_left_alone(wayland_input: Display, tmp_path: Path) -> None:
    """sway tiles: a window of another size than its tile would be wrong."""
    display = replace(wayland_input, env={**wayland_input.env, "XDG_CONFIG_HOME": str(tmp_path)})
    with driving(display, "sim:gvt,size=800x600,fps=0") as viewer:
        viewer.wait_for("path: ")
        # The first size may be one that sway gives before the window has its tile.
        place_when(viewer, lambda it: it["fixed"] and it["window"] == [WIDTH, HEIGHT])
        viewer.do("ask_for", 1024, 768)
        viewer.wait_for("1024x768 ")
        assert at_rest(viewer)["window"] == [WIDTH, HEIGHT]
        assert viewer.interrupt() == 0
