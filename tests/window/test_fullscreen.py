"""Fullscreen: the bar at the top edge, the window manager's own fullscreen, and a screen that is not blanked."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gate import need_programs
from tests.screen_saver import screen_saver, session_bus
from tests.window.displays import HEIGHT, WIDTH, Display, sway
from tests.window.qmp_server import qmp_server
from tests.window.test_view import xdotool
from tests.window.viewer import driven
from tests.window.wayland_input import virtual_input
from ui.window.icon import APPLICATION_ID

_DRIVER = "tests.window.fullscreen_driver"
SPEC = "gvt,size=640x480,fps=0"
_PATIENCE_S = 20.0
_SCALE = 2
# The kernel's codes of keys.
_CTRL, _ALT, _ESCAPE, _Z, _ENTER, _A = 29, 56, 1, 44, 28, 30


def is_normal(state: dict[str, Any]) -> bool:
    shown = state["menu_bar"] and state["status_line"] and not state["bar"]
    return shown and not state["full"] and not state["checked"] and not state["notice"]


def is_full(state: dict[str, Any]) -> bool:
    return state["full"] and state["checked"] and not state["menu_bar"] and not state["status_line"]


@pytest.fixture
def desktop() -> Iterator[Display]:
    """A Wayland desktop of this test's own, which gets a second output."""
    need_programs("sway", "swaymsg", "setpriv")
    with sway() as display:
        yield display


def test_on_wayland_a_bar_at_the_top_edge_and_the_desktops_own_fullscreen(desktop: Display, tmp_path: Path) -> None:
    """The pointer goes to the guest all the time, and the bar takes it only where it is."""
    display = desktop
    (socket,) = display.directory.glob("sway-ipc*")

    def tell_sway(*command: str) -> Any:
        done = subprocess.run(
            ["swaymsg", "-r", "-s", str(socket), *command], env=display.env, check=True, capture_output=True, timeout=60
        )
        return json.loads(done.stdout)

    def windows() -> list[dict[str, Any]]:
        return _windows(tell_sway("-t", "get_tree"))

    def wait_for_blanking(on: bool) -> None:
        end = time.monotonic() + _PATIENCE_S
        while [each["inhibit_idle"] for each in windows()] != [not on]:
            assert time.monotonic() < end
            time.sleep(0.05)

    with (
        qmp_server(tmp_path) as vm,
        driven(display, _DRIVER, "view", f"sim:{SPEC}", "--qmp", vm.address) as viewer,
        virtual_input(display.directory / display.env["WAYLAND_DISPLAY"]) as device,
    ):
        viewer.wait_for("path: ")
        viewer.wait_for("monitor: ready")
        viewer.wait_until("fullscreen", is_normal)

        assert [each["app_id"] for each in windows()] == [APPLICATION_ID], "task bars find the icon by it"

        def point(x: float, y: float) -> None:
            device.place(round(x), round(y), WIDTH, HEIGHT)

        # The desktop's own fullscreen.
        point(WIDTH / 2, HEIGHT / 2)
        tell_sway("fullscreen", "enable")
        state = viewer.wait_until("fullscreen", is_full)
        assert not state["bar"], "the user looks for nothing here"
        wait_for_blanking(False)
        point(WIDTH / 2 - 40, 0)
        state = viewer.wait_until("fullscreen", lambda it: it["bar"])
        assert "y=0" in vm.events(), "the edge is the guest's too"
        left, top, width, height = state["bar"]
        assert top == 0 and abs(left + width / 2 - WIDTH / 2) <= 1

        def click(button: str) -> None:
            # On a slow machine the bar may have gone again.
            point(WIDTH / 2 - 40, 0)
            viewer.wait_until("fullscreen", lambda it: it["bar"])
            x = left + state["buttons"][button]
            for offset in (0, 2):
                point(x + offset, height / 2)
                time.sleep(0.1)
            device.click()

        before = vm.events()
        click("Send keys ▾")
        viewer.wait_until("fullscreen", lambda it: it["menu_open"])
        device.press(_ESCAPE)
        viewer.wait_until("fullscreen", lambda it: not it["menu_open"])
        click("Grab")
        viewer.wait_until("fullscreen", lambda it: "releases" in it["notice"])
        device.press(_A)
        vm.wait_for("+a", "-a")
        assert "+left" not in vm.events()[len(before) :], "a click on the bar is not the guest's"
        click("Grab")
        viewer.wait_until("fullscreen", lambda it: not it["notice"])
        click("Leave fullscreen")
        viewer.wait_until("fullscreen", is_normal)
        assert not any(each["fullscreen_mode"] for each in windows())
        wait_for_blanking(True)

        # The keys, while they go to the guest.
        point(WIDTH / 2, HEIGHT / 2)
        device.press(_CTRL, _ALT, _ENTER)
        viewer.wait_until("fullscreen", lambda it: is_full(it) and it["bar"])
        viewer.wait_until("fullscreen", lambda it: not it["bar"])
        device.press(_CTRL, _ALT, _Z)
        viewer.wait_until("fullscreen", lambda it: it["bar"] and it["menu_open"])
        device.press(_ENTER)
        viewer.wait_until("fullscreen", is_normal)

        # The screen where the window is.
        tell_sway("create_output")
        outputs = [each["name"] for each in tell_sway("-t", "get_outputs")]
        tell_sway("move", "container", "to", "output", outputs[-1])
        viewer.wait_until("fullscreen", lambda it: it["screen"] == outputs[-1])
        viewer.do("trigger", "fullscreen")
        state = viewer.wait_until("fullscreen", is_full)
        assert state["screen"] == outputs[-1]
        # With the bar shown, the end still comes.
        assert state["bar"]
        assert viewer.interrupt() == 0
    assert viewer.warnings() == []


def _windows(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The windows in a tree of sway's."""
    children = (*node["nodes"], *node["floating_nodes"])
    return [window for each in children for window in ([each] if each.get("app_id") else _windows(each))]


_OPENBOX = """<openbox_config xmlns="http://openbox.org/3.4/rc"><keyboard>
<keybind key="W-f"><action name="ToggleFullscreen"/></keybind>
<keybind key="W-m"><action name="ToggleMaximize"/></keybind>
</keyboard><menu></menu></openbox_config>"""


@contextlib.contextmanager
def openbox(display: Display, folder: Path) -> Iterator[None]:
    """A window manager, whose keys are Super+F for fullscreen and Super+M for a maximised window."""
    config = folder / "rc.xml"
    config.write_text(_OPENBOX)
    with subprocess.Popen(
        ["openbox", "--config-file", str(config)], env=display.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def test_on_x11_maximised_comes_back_and_the_screen_is_not_blanked(x11: Display, tmp_path: Path) -> None:
    need_programs("openbox", "dbus-daemon")
    asked = "inhibit {} mdevview: A virtual machine is watched in fullscreen"
    with session_bus(tmp_path) as address, screen_saver(address) as saver, qmp_server(tmp_path) as vm:
        own = {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_CONFIG_HOME": str(tmp_path), "QT_SCALE_FACTOR": str(_SCALE)}
        display = replace(x11, env={**x11.env, **own})
        with openbox(display, tmp_path), driven(display, _DRIVER, "view", f"sim:{SPEC}", "--qmp", vm.address) as viewer:
            viewer.wait_for("path: ")
            viewer.wait_for("monitor: ready")
            viewer.wait_until("fullscreen", lambda it: not it["full"])
            # From a maximised window by the user's action, and back by the window manager's key; then the other way.
            xdotool(display, "key", "super+m")
            normal = viewer.wait_until("fullscreen", lambda it: it["maximised"])
            viewer.do("trigger", "fullscreen")
            state = viewer.wait_until("fullscreen", lambda it: is_full(it) and it["size"][1] > normal["size"][1])
            assert state["bar"]
            saver.wait_for(asked.format(8))
            # The picture is still there below the bar.
            lower_half = display.picture()[800::8, ::8]
            assert len(np.unique(lower_half.reshape(-1, 3), axis=0)) > 100
            xdotool(display, "key", "super+f")
            viewer.wait_until(
                "fullscreen", lambda it: is_normal(it) and it["maximised"] and it["size"] == normal["size"]
            )
            saver.wait_for(asked.format(8), "release 8")
            xdotool(display, "key", "super+f")
            viewer.wait_until("fullscreen", lambda it: is_full(it) and it["size"] == state["size"])
            # The pointer at the edge, then a click, which leaves the keys with the guest.
            xdotool(display, "mousemove", "700", "300", "mousemove", "700", "0")
            state = viewer.wait_until("fullscreen", lambda it: it["bar"])
            left, _top, _width, height = state["bar"]
            xdotool(display, "mousemove", str((left + 5) * _SCALE), str(height // 2 * _SCALE), "click", "1", "key", "b")
            vm.wait_for("+b", "-b")
            grab = str((left + state["buttons"]["Grab"]) * _SCALE), str(height // 2 * _SCALE)
            xdotool(display, "mousemove", *grab, "click", "1")
            viewer.wait_until("fullscreen", lambda it: "releases" in it["notice"])
            xdotool(display, "key", "a")
            vm.wait_for("+a", "-a")
            xdotool(display, "click", "1")
            viewer.wait_until("fullscreen", lambda it: not it["notice"])
            viewer.do("trigger", "fullscreen")
            viewer.wait_until(
                "fullscreen", lambda it: is_normal(it) and it["maximised"] and it["size"] == normal["size"]
            )
            viewer.do("trigger", "fullscreen")
            viewer.wait_until("fullscreen", is_full)
            saver.wait_for(asked.format(8), "release 8", asked.format(9), "release 9", asked.format(10))
            assert viewer.interrupt() == 0
            saver.wait_for(asked.format(8), "release 8", asked.format(9), "release 9", asked.format(10), "release 10")
        assert viewer.warnings() == []
