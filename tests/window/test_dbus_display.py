"""A window over the D-Bus display of a real QEMU: keys, lights, lost controls, screens, resolution."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import ControlState, VmDisplay
from tests.qemu.guest_agent import OPTIONS, GuestAgent
from tests.qemu.machine import QemuMachine
from tests.qemu.qtest import QtestClient
from tests.window.displays import Display
from tests.window.viewer import DrivenViewer, driving

_ESC = 9


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QemuMachine]:
    devices = ["VGA", "virtio-gpu-pci"]
    with QemuMachine(tmp_path_factory.mktemp("qemu"), devices, name="windowed") as machine:
        machine.wait_for_text()
        yield machine


def press_escape(machine: QemuMachine, viewer: DrivenViewer) -> None:
    """It opens the boot menu, and closes it: both change the picture."""
    before = machine.settled()
    viewer.do("key", "Escape", _ESC)
    machine.wait_until(lambda: not np.array_equal(machine.screendump(), before), "another picture")


def test_a_window_has_the_controls_and_the_screens_of_its_vm(machine: QemuMachine, wayland: Display) -> None:
    with driving(wayland, "vm:windowed,console=0") as viewer:
        viewer.wait_for("monitor: ready")
        press_escape(machine, viewer)
        assert viewer.do("lights") == ""
        machine.press("caps_lock")
        viewer.wait_until("lights", lambda text: text == "Caps")
        machine.press("caps_lock")
        viewer.wait_until("lights", lambda text: text == "")
        other = VmDisplay(Endpoint(machine.display_socket(), None, None), lambda: False)
        try:
            viewer.wait_until("state", lambda state: "view only: another client took" in state["status"])
            viewer.do("press", 10, 10, "Left")
            viewer.wait_for("To take them back: Input > Take the controls back")
            assert other.state is ControlState.CONNECTED
            viewer.do("trigger", "retake")
            viewer.wait_until("state", lambda state: "click to grab the pointer" in state["status"])
            machine.wait_until(lambda: other.state is ControlState.TAKEN_OVER, "the other client lost the controls")
        finally:
            other.close()
        machine.command("system_reset")
        machine.wait_until(lambda: machine.settled().any(), "the BIOS' text")
        press_escape(machine, viewer)
        # VGA takes no size, virtio-gpu does.
        viewer.do("ask_for", 1024, 768)
        viewer.wait_for("takes no resolution from outside")
        viewer.do("choose_screen", 1)
        viewer.wait_until("state", lambda state: "console 1 — showing" in state["status"])
        viewer.do("ask_for", 1024, 768)
        viewer.wait_for("asked the guest for 1024x768@60")
        assert viewer.interrupt() == 0
        assert viewer.warnings() == []


def test_text_is_shared_with_the_guest_both_ways(tmp_path: Path, x11: Display) -> None:
    with (
        QemuMachine(tmp_path, ["VGA"], name="sharing", qtest=True, extra=OPTIONS) as machine,
        closing(QtestClient(machine.qtest)) as qtest,
        driving(x11, "vm:sharing") as viewer,
    ):
        agent = GuestAgent(qtest)
        viewer.wait_for("monitor: ready")
        viewer.do("clipboard", "from here")
        viewer.do("trigger", "share-clipboard")
        viewer.do("activate")
        agent.heard_grab()
        agent.ask()
        assert agent.heard_text() == b"from here"
        agent.grab(1)
        agent.heard_request()
        agent.give(b"from the guest")
        viewer.wait_until("clipboard_text", lambda text: text == "from the guest")
        viewer.do("trigger", "share-clipboard")
        viewer.do("clipboard", "not for the guest")
        agent.ask()
        assert agent.heard_text() == b""
        assert viewer.interrupt() == 0
        assert viewer.warnings() == []
