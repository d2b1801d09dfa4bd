"""Input to the window, and the events that the VM gets."""

import itertools
import string
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.input.event import ABSOLUTE_MAX
from app.input.pointer import absolute
from tests.window.displays import HEIGHT, WIDTH, Display, Picture
from tests.window.qmp_server import QmpServer, qmp_server
from tests.window.test_view import close, guest_picture, press, wait_for_screen, window_of, xdotool
from tests.window.viewer import DrivenViewer, Viewer, driving, viewing
from tests.window.wayland_input import VirtualInput

SIZE = (640, 480)
SPEC = f"gvt,size={SIZE[0]}x{SIZE[1]},fps=0"
_PATIENCE_S = 20.0


@pytest.fixture
def mouse_vm(tmp_path: Path) -> Iterator[QmpServer]:
    """A VM with a PS/2 mouse."""
    with qmp_server(tmp_path, absolute=False) as server:
        yield server


def focus(display: Display, viewer: Viewer) -> str:
    """The window, ready for keys."""
    viewer.wait_for("path: ")
    viewer.wait_for("monitor: ready")
    window = window_of(display)
    xdotool(display, "windowfocus", "--sync", window)
    return window


def corner_of(screen: Picture, picture: Picture) -> tuple[int, int] | None:
    """The position of the unscaled picture's left upper corner on the screen; pixels of a cursor may differ."""
    height, width, _ = picture.shape
    for top, left in np.argwhere((screen == picture[0, 0]).all(axis=2)):
        part = screen[top : top + height, left : left + width]
        if part.shape == picture.shape and (part == picture).all(axis=2).mean() > 0.95:
            return int(left), int(top)
    return None


def pointer_events(x: int, y: int) -> list[str]:
    """The VM's events for a guest pixel."""
    return [f"{each.axis.value}={each.value}" for each in absolute((x, y), SIZE)]  # type: ignore[union-attr]


def test_a_key_is_a_position_whatever_layout_the_host_has(x11: Display, vm: QmpServer) -> None:
    """A German keyboard has Z where a US one has Y, so the guest gets the key Y."""
    with viewing(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        focus(x11, viewer)
        # When the last client leaves, the X server resets to its first layout.
        subprocess.run(["setxkbmap", "de"], env=x11.env, check=True, timeout=60)
        xdotool(x11, "key", "z", "odiaeresis", "less", "108", "Super_L", "KP_Enter")
        vm.wait_for(
            "+y", "-y", "+semicolon", "-semicolon", "+less", "-less", "+alt_r", "-alt_r", "+meta_l", "+kp_enter"
        )
        close(viewer)


@pytest.mark.parametrize("scale", [1, 2])
def test_the_pointer_is_at_the_guests_pixel_under_it(x11: Display, vm: QmpServer, scale: int) -> None:
    display = replace(x11, env={**x11.env, "QT_SCALE_FACTOR": str(scale)})
    picture = guest_picture(SPEC).repeat(scale, axis=0).repeat(scale, axis=1)
    with viewing(display, f"sim:{SPEC}", "--scaling", "integer", "--qmp", vm.address) as viewer:
        focus(display, viewer)
        corner = corner_of(wait_for_screen(x11, lambda it: corner_of(it, picture) is not None), picture)
        assert corner is not None

        def go(x: int, y: int) -> None:
            xdotool(x11, "mousemove", str(corner[0] + x), str(corner[1] + y))

        # The right lower device pixel of guest pixel (100, 50), then the first and the last pixel.
        for x, y in ((101 * scale - 1, 51 * scale - 1), (0, 0), (SIZE[0] * scale - 1, SIZE[1] * scale - 1)):
            go(x, y)
            vm.wait_for(*pointer_events(x // scale, y // scale))
        go(10 * scale, 10 * scale)
        for number, name in ((1, "left"), (2, "middle"), (3, "right"), (8, "side"), (9, "extra")):
            xdotool(x11, "click", str(number))
            vm.wait_for(f"+{name}", f"-{name}")
        for number, name in ((4, "up"), (5, "down"), (6, "left"), (7, "right")):
            xdotool(x11, "click", str(number))
            vm.wait_for(f"+wheel-{name}", f"-wheel-{name}")
        close(viewer)


def test_a_drag_beyond_the_picture_ends_at_its_corner(x11: Display, vm: QmpServer) -> None:
    with viewing(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        window = focus(x11, viewer)
        xdotool(x11, "mousemove", "--window", window, "500", "300", "mousedown", "1")
        vm.wait_for("+left")
        xdotool(x11, "mousemove", "2500", "1500")
        vm.wait_for(f"x={ABSOLUTE_MAX}", f"y={ABSOLUTE_MAX}")
        xdotool(x11, "mousemove", "0", "0")
        vm.wait_for("x=0", "y=0")
        xdotool(x11, "mouseup", "1")
        vm.wait_for("+left", "x=0", "y=0", "-left")
        close(viewer)


def test_only_ctrl_alt_keys_are_the_windows_and_leave_nothing_pressed(x11: Display, vm: QmpServer) -> None:
    with viewing(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        window = focus(x11, viewer)
        xdotool(x11, "key", "F11", "F1", "alt+m", "ctrl+q", "ctrl+alt+t")
        vm.wait_for("+f11", "-f11", "+f1", "-f1", "+alt", "+m", "+ctrl", "+q", "-q", "+ctrl", "+alt", "+t", "-t")
        vm.clear()
        xdotool(x11, "key", "ctrl+alt+g")
        viewer.wait_for("Ctrl.Alt.R releases keyboard and pointer")
        assert "Ctrl+Alt+R releases" in xdotool(x11, "getwindowname", window)
        assert vm.wait_for("+ctrl", "+alt", "-alt", "-ctrl") == ["+ctrl", "+alt", "-alt", "-ctrl"]
        xdotool(x11, "key", "ctrl+alt+g")
        end = time.monotonic() + _PATIENCE_S
        while "releases" in xdotool(x11, "getwindowname", window):
            assert time.monotonic() < end
            time.sleep(0.05)
        close(viewer)


def test_what_is_held_is_released_with_the_focus_and_at_the_end(x11: Display, vm: QmpServer) -> None:
    with viewing(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        window = focus(x11, viewer)
        xdotool(x11, "keydown", "x")
        vm.wait_for("+x")
        (root,) = xdotool(x11, "search", "--maxdepth", "0", ".*").split()
        xdotool(x11, "windowfocus", root)
        vm.wait_for("+x", "-x")
        xdotool(x11, "keyup", "x", "windowfocus", "--sync", window, "keydown", "c")
        vm.wait_for("-x", "+c")
        close(viewer)
        vm.wait_for("+c", "-c")
        xdotool(x11, "keyup", "c")


def motion(vm: QmpServer) -> tuple[int, int]:
    """How far the guest's pointer was moved, to the right and down."""
    x, y = (sum(int(each[3:]) for each in vm.events() if each.startswith(f"d{axis}=")) for axis in "xy")
    return (x, y)


def wait_until(look: Callable[[], object], wanted: object) -> None:
    end = time.monotonic() + _PATIENCE_S
    while (seen := look()) != wanted:
        assert time.monotonic() < end, f"{seen}, not {wanted}"
        time.sleep(0.01)


def test_a_relative_mouse_is_grabbed_by_a_click_and_has_no_edge(x11: Display, mouse_vm: QmpServer) -> None:
    with viewing(x11, f"sim:{SPEC}", "--scaling", "actual", "--qmp", mouse_vm.address) as viewer:
        window = focus(x11, viewer)
        xdotool(x11, "mousemove", "--window", window, "500", "300", "click", "1")
        viewer.wait_for("Ctrl.Alt.R releases keyboard and pointer")
        time.sleep(0.3)
        for step in range(1, 31):
            xdotool(x11, "mousemove_relative", "--sync", "--", "-60", "20")
            # Wait until the pointer is moved back, or it would stop at the screen's edge.
            wait_until(lambda: motion(mouse_vm), (-60 * step, 20 * step))
        xdotool(x11, "click", "1")
        events = mouse_vm.wait_for("+left", "-left")
        assert events.count("+left") == 1, "the click that grabs does not go to the guest"
        close(viewer)


def test_a_dead_vm_monitor_does_not_stop_the_window(x11: Display, vm: QmpServer) -> None:
    with viewing(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        window = focus(x11, viewer)
        vm.stalled = True
        for number in range(200):
            xdotool(x11, "mousemove", "--window", window, str(200 + number), "300")
        press(x11, "ctrl+alt+s")
        viewer.wait_for("Saved ")
        close(viewer)


def test_keys_pressed_when_the_connection_breaks_are_released(x11: Display, vm: QmpServer) -> None:
    with viewing(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        focus(x11, viewer)
        xdotool(x11, "keydown", "x")
        vm.wait_for("+x")
        vm.clear()
        vm.hang_up()
        viewer.wait_for("monitor: the VM's monitor hung up")
        xdotool(x11, "keyup", "x")
        assert set(vm.wait_for("-x")) == {"-x"}
        close(viewer)


def test_the_clipboard_is_typed_and_any_key_stops_it(x11: Display, vm: QmpServer) -> None:
    with driving(x11, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        focus(x11, viewer)
        viewer.do("clipboard", "Hi!\r\né")
        xdotool(x11, "key", "ctrl+alt+v")
        viewer.wait_for("1 character without a key on a US keyboard left out")
        events = vm.wait_for("+ret", "-ret")
        typed = events[events.index("+shift") :]
        assert typed == ["+shift", "+h", "-h", "-shift", "+i", "-i", "+shift", "+1", "-1", "-shift", "+ret", "-ret"]
        viewer.do("clipboard", "a" * 5000)
        vm.clear()
        xdotool(x11, "key", "ctrl+alt+v")
        vm.wait_for("+a")
        xdotool(x11, "key", "Escape")
        viewer.wait_until("state", lambda state: "typing" not in str(state["status"]))
        time.sleep(0.3)
        events = vm.events()
        assert events.count("+a") == events.count("-a") < 5000
        assert "+esc" not in events
        close(viewer)


def test_without_a_monitor_the_window_says_view_only_and_why(wayland: Display) -> None:
    with driving(wayland, f"sim:{SPEC}") as viewer:
        viewer.wait_for("path: ")
        state = viewer.do("state")
        assert "view only: " in state["status"]
        assert state["enabled"] == ["quit"]
        assert state["tip"].startswith("View only: ")
        close(viewer)


def test_synthetic_events_reach_the_guest_on_wayland(wayland: Display, vm: QmpServer) -> None:
    with driving(wayland, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        viewer.wait_for("monitor: ready")
        state = viewer.wait_until("state", lambda it: "keyboard and pointer" in str(it["status"]))
        assert state["enabled"] == ["grab", "paste", "quit", "send-print"]
        viewer.do("type", "ab1 -")
        vm.wait_for("+a", "-a", "+b", "-b", "+1", "-1", "+spc", "-spc", "+minus", "-minus")
        viewer.do("key_of_widget", "Escape")
        # By its scan code if there is one: 52 is the key Z (44 of the kernel, plus 8).
        viewer.do("key", "Y", 52)
        viewer.do("key", "Return")
        vm.wait_for("+esc", "-esc", "+z", "-z", "+ret", "-ret")
        viewer.do("trigger", "send-ctrl-alt-delete")
        vm.wait_for("+ctrl", "+alt", "+delete", "-delete", "-alt", "-ctrl")
        vm.clear()
        viewer.do("key", "A", 0, "KeyPress")
        viewer.do("lose_focus")
        vm.wait_for("+a", "-a")
        close(viewer)


def test_on_a_hidpi_screen_the_pointer_is_at_the_guests_pixel(wayland_2x: Display, vm: QmpServer) -> None:
    """Fullscreen, 640x480 guest pixels of 3x3 in the middle of 2560x1600; the guest draws its own pointer."""
    with driving(wayland_2x, f"sim:{SPEC}", "--fullscreen", "--scaling", "integer", "--qmp", vm.address) as viewer:
        viewer.wait_for("path: ")
        viewer.wait_for("monitor: ready")
        left, top = (2560 - 3 * 640) // 2, (1600 - 3 * 480) // 2
        assert viewer.wait_until("state", lambda it: "keyboard" in str(it["status"]))["hidden"] is False
        viewer.do("move", left + 3 * 200 + 2, top + 3 * 100)
        vm.wait_for(*pointer_events(200, 100))
        assert viewer.do("state")["hidden"] is True
        viewer.do("wheel", 0, -40)
        viewer.do("wheel", 0, -80)
        viewer.do("wheel", 120, 0, True)
        assert vm.wait_for("+wheel-down", "-wheel-down", "+wheel-up", "-wheel-up").count("+wheel-down") == 1
        viewer.do("move", left - 5, top + 3 * 100)
        vm.wait_for("x=0")
        assert viewer.do("state")["hidden"] is False, "outside the picture there is only the host's pointer"
        close(viewer)


def test_a_paused_vm_says_so_and_takes_no_keys(wayland: Display, vm: QmpServer) -> None:
    with driving(wayland, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        viewer.wait_for("monitor: ready")
        viewer.wait_until("state", lambda it: "keyboard" in str(it["status"]))
        viewer.do("key", "A", 0, "KeyPress")
        vm.wait_for("+a")
        vm.status = "paused"
        vm.send_event("STOP")
        assert "paused: no input" in str(viewer.wait_until("state", lambda it: "paused" in str(it["status"]))["status"])
        viewer.do("key", "A", 0, "KeyRelease")
        viewer.do("key", "B")
        vm.status = "running"
        vm.send_event("RESUME")
        vm.wait_for("+a", "-a")
        assert "+b" not in vm.events()
        close(viewer)


def test_another_program_is_answered_while_the_window_is_used_and_no_key_is_lost(
    wayland: Display, tmp_path: Path
) -> None:
    """QEMU serves one client of the socket at a time. Keys are pressed until the other program has its answers."""
    folder = tmp_path / "qemu-server"
    folder.mkdir()
    with (
        qmp_server(folder) as server,
        driving(wayland, f"sim:{SPEC}", "--qmp", server.address) as viewer,
        ThreadPoolExecutor(1) as executor,
    ):
        viewer.wait_for("monitor: ready")
        state = viewer.wait_until("state", lambda it: "keyboard" in str(it["status"]))
        assert "keyboard and pointer, shared with Proxmox VE" in str(state["status"])
        letters = ""
        answers = [executor.submit(server.ask, "query-status") for _ in range(3)]
        while not all(each.done() for each in answers):
            letters += string.ascii_uppercase[len(letters) % 26]
            viewer.do("key", letters[-1])
            # No faster than a guest reads keys: more of them would not be queued.
            time.sleep(0.03)
        assert [each.result() for each in answers] == [{"status": "running", "running": True}] * 3
        assert letters
        server.wait_for(f"-{letters[-1].lower()}")
        wait_until(lambda: "".join(each[1:] for each in server.events() if each[0] == "-"), letters.lower())
        assert server.events() == [f"{sign}{each.lower()}" for each in letters for sign in "+-"]
        close(viewer)


ALT, TAB, CTRL, G, A = 56, 15, 29, 34, 30


def test_a_grab_on_wayland_has_the_desktops_keys_and_holds_a_mouse(
    wayland_input: Display, plugged_in: VirtualInput, mouse_vm: QmpServer
) -> None:
    with driving(wayland_input, f"sim:{SPEC}", "--scaling", "actual", "--qmp", mouse_vm.address) as viewer:
        viewer.wait_for("path: ")
        viewer.wait_for("monitor: ready")
        viewer.wait_until("state", lambda it: "click to grab" in str(it["status"]))
        plugged_in.place(WIDTH // 2, HEIGHT // 2, WIDTH, HEIGHT)
        # A click has no effect before the window has the focus.
        for _ in range(50):
            plugged_in.click()
            if "grabbed" in viewer.do("state")["status"]:
                break
            time.sleep(0.1)
        viewer.wait_for("the desktop's shortcuts go to the guest")
        assert viewer.wait_until("state", lambda it: bool(it["hidden"]))["hidden"]
        mouse_vm.clear()
        for _ in range(30):
            plugged_in.move(-100, 20)
        plugged_in.press(ALT, TAB)
        events = mouse_vm.wait_for("+alt", "+tab", "-tab")
        went = [sum(int(each[3:]) for each in events if each.startswith(f"d{axis}=")) for axis in "xy"]
        assert went == [-3000, 600]
        taken = wayland_input.directory / "taken"
        assert not taken.exists()
        plugged_in.press(CTRL, ALT, G)
        viewer.wait_until("state", lambda it: "grabbed" not in str(it["status"]))
        mouse_vm.clear()
        plugged_in.press(ALT, TAB)
        end = time.monotonic() + _PATIENCE_S
        while not taken.exists():
            assert time.monotonic() < end, "Alt+Tab does not go to the desktop"
            time.sleep(0.05)
        assert "+tab" not in mouse_vm.events()
        close(viewer)


def click_into(viewer: DrivenViewer, plugged_in: VirtualInput, vm: QmpServer) -> None:
    """Give the window the keyboard by a click that the guest gets.

    A click before the window has its place from the compositor goes to nobody.
    """
    viewer.wait_for("path: ")
    viewer.wait_for("monitor: ready")
    viewer.wait_until("state", lambda it: "keyboard and pointer" in str(it["status"]))
    end = time.monotonic() + _PATIENCE_S
    for step in itertools.count():
        plugged_in.place(WIDTH // 2 + step % 2, HEIGHT // 2, WIDTH, HEIGHT)
        time.sleep(0.05)
        if vm.events():
            break
        assert time.monotonic() < end, "the pointer does not reach the guest"
    plugged_in.click()
    vm.wait_for("+left", "-left")


def test_a_tablet_on_wayland_needs_no_grab(wayland_input: Display, plugged_in: VirtualInput, vm: QmpServer) -> None:
    with driving(wayland_input, f"sim:{SPEC}", "--qmp", vm.address) as viewer:
        click_into(viewer, plugged_in, vm)
        plugged_in.key(A, True)
        vm.wait_for("+a")
        plugged_in.key(A, False)
        vm.wait_for("+a", "-a")
        close(viewer)
