"""What the window tells of a picture that changes or does not, and of its cursor."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.window.displays import HEIGHT, WIDTH, Display
from tests.window.qmp_server import qmp_server
from tests.window.test_view import close
from tests.window.viewer import driving

_PATIENCE_S = 30.0


def wait_until(ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not wanted(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.1)


def test_cursor_moves_are_told_apart_and_a_refused_cursor_with_its_errno(wayland: Display) -> None:
    with driving(wayland, "sim:gvt,size=320x240,fps=5,fault=cursor-einval@8") as viewer:
        viewer.wait_for("path: ")
        moving = re.compile(r"\d+ fps, \d+ cursor moves?/s")
        wait_until(lambda: viewer.do("right"), lambda shown: bool(shown and moving.fullmatch(shown[-1])))
        wait_until(lambda: viewer.do("right"), lambda shown: "cursor: query-rejected (EINVAL)" in shown[0])
        close(viewer)


def test_a_picture_that_stays_as_it_is_says_so_until_it_changes(wayland: Display) -> None:
    with driving(wayland, "sim:gvt,size=320x240,fps=0") as viewer:
        viewer.wait_for("path: ")
        wait_until(lambda: viewer.do("right"), lambda shown: shown[-1].startswith("unchanged for "))
        viewer.do("draw_in_place", 100, 100, 8, 8)
        wait_until(lambda: viewer.do("right"), lambda shown: not shown[-1].startswith("unchanged for "))
        close(viewer)


def test_a_cursor_beyond_the_left_edge_is_drawn_there_when_the_pointer_was_sent_there(
    wayland: Display, tmp_path: Path
) -> None:
    spec = "gvt,size=640x480,fps=0,fault=cursor-at-edge"
    with (
        qmp_server(tmp_path) as vm,
        driving(wayland, f"sim:{spec}", "--fullscreen", "--scaling", "actual", "--qmp", vm.address) as viewer,
    ):
        viewer.wait_for("path: ")
        viewer.wait_for("monitor: ready")
        assert viewer.do("cursor") == [4, 237], "the driver drops the sign"
        for x in (100, 0):
            viewer.do("move", (WIDTH - 640) // 2 + x, HEIGHT // 2)
        vm.wait_for("x=0")
        wait_until(lambda: viewer.do("cursor"), lambda place: place == [-4, 237])
        close(viewer)
