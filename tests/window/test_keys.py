"""The keys of the window while input goes to a guest."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.window.displays import Display
from tests.window.qmp_server import QmpServer
from tests.window.test_input import SPEC, click_into, focus, wait_until
from tests.window.test_view import close, xdotool
from tests.window.viewer import DrivenViewer, driving
from tests.window.wayland_input import VirtualInput

# The kernel's codes of the keys that these tests press: Ctrl, Alt and M open the menus.
_CODES = {"menus": (29, 56, 50), "Escape": (1,), "a": (30,), "Left": (105,), "Right": (106,), "Down": (108,)}
_OPEN_KEYS = {"+ctrl", "-ctrl", "+alt", "-alt"}

Press = Callable[[str], None]


def walk(viewer: DrivenViewer, press: Press, entries: list[Any], inside: str = "") -> None:
    """Choose each entry of an open menu by an arrow key, and those of the menus in it; then the first one again.

    ``inside`` is the entry of the menu before that opens this one.
    """
    wait_until(lambda: viewer.do("chosen"), text(entries[0]))
    for at, each in enumerate(entries):
        if isinstance(each, list):
            press("Right")
            walk(viewer, press, each[1], each[0])
        press("Down")
        wait_until(lambda: viewer.do("chosen"), text(entries[(at + 1) % len(entries)]))
    if inside:
        press("Left")
        wait_until(lambda: viewer.do("chosen"), inside)


def text(entry: Any) -> str:
    return str(entry[0]) if isinstance(entry, list) else str(entry)


def walk_all_menus(viewer: DrivenViewer, vm: QmpServer, press: Press) -> None:
    """Choose every entry of every menu by keys, with the menu bar and with it hidden.

    Nothing but the modifiers may reach the guest, and the next key after Escape does.
    """
    menus = viewer.do("menus")
    assert len(menus) > 4 and all(menu[1] for menu in menus)
    for is_shown in (True, False):
        vm.clear()
        press("menus")
        vm.wait_for("+ctrl", "+alt", "-alt", "-ctrl")
        if is_shown:
            for _, entries in menus:
                walk(viewer, press, entries)
                press("Right")
            wait_until(lambda: viewer.do("chosen"), text(menus[0][1][0]))
        else:
            walk(viewer, press, menus)
            assert not viewer.do("state")["menu_bar"], "a guest that follows the window would get another resolution"
        press("Escape")
        wait_until(lambda: viewer.do("chosen"), "")
        press("a")
        vm.wait_for("+a", "-a")
        # A pointer that lies over the picture enters it when the menu is gone.
        assert {each for each in vm.events() if "=" not in each} <= {*_OPEN_KEYS, "+a", "-a"}
        viewer.do("trigger", "menu-bar")
        wait_until(lambda: viewer.do("state")["menu_bar"], not is_shown)


def test_all_menus_are_walked_by_keys_on_x11(x11: Display, vm: QmpServer) -> None:
    def press(key: str) -> None:
        xdotool(x11, "key", "ctrl+alt+m" if key == "menus" else key)

    with driving(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        focus(x11, viewer)
        walk_all_menus(viewer, vm, press)
        close(viewer)


def test_all_menus_are_walked_by_keys_on_wayland(
    wayland_input: Display, plugged_in: VirtualInput, vm: QmpServer
) -> None:
    def press(key: str) -> None:
        plugged_in.press(*_CODES[key])

    with driving(wayland_input, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        click_into(viewer, plugged_in, vm)
        walk_all_menus(viewer, vm, press)
        close(viewer)


def test_a_key_that_the_user_chose_is_the_windows_and_what_it_was_is_the_guests(x11: Display, vm: QmpServer) -> None:
    with driving(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        focus(x11, viewer)
        viewer.do("change_keys", "grab", "Ctrl+F8")
        viewer.do("change_keys", "release", "Meta+F9", "F9")
        xdotool(x11, "key", "ctrl+alt+g", "F9", "alt+F8", "ctrl+shift+F8")
        vm.wait_for("+g", "-g", "+f9", "-f9", "+f8", "-f8", "+f8", "-f8")
        vm.clear()
        xdotool(x11, "key", "ctrl+F8")
        viewer.wait_for("Meta.F9 releases keyboard and pointer")
        xdotool(x11, "key", "super+F9")
        viewer.wait_until("state", lambda it: "grabbed" not in str(it["status"]))
        time.sleep(0.2)
        assert not {"+f8", "+f9"} & set(vm.events())
        close(viewer)


def test_the_release_key_gives_the_keyboard_to_the_window_and_escape_gives_it_back(x11: Display, vm: QmpServer) -> None:
    with driving(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        focus(x11, viewer)
        for back in ("Escape", "ctrl+alt+r"):
            wait_until(lambda: viewer.do("focus"), "The guest's screen")
            vm.clear()
            xdotool(x11, "key", "ctrl+alt+r")
            wait_until(lambda: viewer.do("focus").startswith("Path of the picture"), True)
            xdotool(x11, "key", "a", back)
            wait_until(lambda: viewer.do("focus"), "The guest's screen")
            assert set(vm.events()) <= _OPEN_KEYS
            xdotool(x11, "key", "b")
            vm.wait_for("+b", "-b")
        close(viewer)


def test_the_keys_work_in_the_panels_too(x11: Display) -> None:
    """In the latency panel and in the inspector as a window of its own, also those that the user has just changed."""
    with driving(x11, f"sim:{SPEC}") as viewer:
        viewer.wait_for("path: ")
        for action, title, old, new in (
            ("latency-panel", "Latency — mdevview", "ctrl+alt+p", "ctrl+F7"),
            ("inspector", "Inspector — mdevview", "ctrl+alt+e", "ctrl+F8"),
        ):
            viewer.do("trigger", action)
            if action == "inspector":
                viewer.do("inspector_press", "Own window")
            window = xdotool(x11, "search", "--sync", "--onlyvisible", "--name", f"^{title}$").split()[0]
            xdotool(x11, "windowfocus", "--sync", window, "key", "ctrl+alt+b")
            wait_until(lambda: viewer.do("is_checked", "status-line"), False)
            viewer.do("change_keys", action, new.title())
            xdotool(x11, "key", old, "ctrl+alt+b")
            wait_until(lambda: viewer.do("is_checked", "status-line"), True)
            assert viewer.do("is_checked", action)
            xdotool(x11, "key", new)
            wait_until(partial(viewer.do, "is_checked", action), False)
        close(viewer)
