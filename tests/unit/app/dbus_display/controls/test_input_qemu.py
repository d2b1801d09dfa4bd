"""Input and resolution as a real QEMU understands them. SeaBIOS is the guest."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import ControlState, VmDisplay
from app.dbus_display.controls.input import DbusInput
from app.dbus_display.controls.input_calls import BUTTON_NUMBERS
from app.dbus_display.controls.resolution import UiInfoResolution
from app.dbus_display.wire.names import CONSOLE, console_path
from app.edid.mode import Mode
from app.errors import ResolutionRefused
from app.input.event import Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind
from app.input.keys import QCODES
from app.qemu.qmp_address import UnixAddress
from app.vm.input_route import InputRoute, NoInput, QmpInput
from app.vm.monitor import ConnectionState, Monitor, PointingDevice, Reply
from app.vm.power import PowerAction
from tests.qemu.machine import QemuMachine
from tests.unit.qmp_server import until

_TRACE = ("-trace", "input_event_*")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QemuMachine]:
    """A VM that tells each input event that it got. It has a tablet that its guest does not use."""
    folder = tmp_path_factory.mktemp("qemu")
    devices = ["VGA", "virtio-gpu-pci", "bochs-display", "qemu-xhci", "usb-tablet"]
    with QemuMachine(folder, devices, extra=_TRACE) as machine:
        machine.wait_for_text()
        yield machine


@pytest.fixture
def display(machine: QemuMachine) -> Iterator[VmDisplay]:
    display = VmDisplay(Endpoint(machine.display_socket(), None, machine.display_socket), lambda: False)
    try:
        yield display
    finally:
        display.close()


@contextmanager
def opened(display: VmDisplay, inner: InputRoute | None = None) -> Iterator[Monitor]:
    monitor = DbusInput(display, 0, inner or NoInput("no QMP"), touch=True).open(lambda: None)
    try:
        yield monitor
    finally:
        monitor.close()


class Heard:
    """What QEMU tells from now on of the events that it got."""

    def __init__(self, machine: QemuMachine) -> None:
        self._machine = machine
        self._begin = len(machine.said())

    def keys(self) -> list[str]:
        """ "+a" and "-a"."""
        found = re.findall(r"input_event_key_qcode con -?\d+, key qcode (\w+), down (\w+)", self._text)
        return [f"{'+' if down in ('1', 'true') else '-'}{name}" for name, down in found]

    def buttons(self) -> list[str]:
        found = re.findall(r"input_event_btn con -?\d+, button ([\w-]+), down (\w+)", self._text)
        return [f"{'+' if down in ('1', 'true') else '-'}{name}" for name, down in found]

    def motion(self, kind: str) -> list[tuple[str, int]]:
        found = re.findall(rf"input_event_{kind} con -?\d+, axis (\w+), value (?:0x)?([-\w]+)", self._text)
        return [(axis, int(value, 10 if kind == "rel" else 16)) for axis, value in found]

    def count(self, event: str) -> int:
        return self._text.count(event)

    @property
    def _text(self) -> str:
        # An answer of QEMU's: what it was told before is written.
        self._machine.command("query-status")
        return self._machine.said()[self._begin :]


def tap(monitor: Monitor, name: str) -> Reply:
    replies: Queue[Reply] = Queue()
    monitor.tap(name, replies.put)
    return replies.get(timeout=20)


def test_every_key_is_the_same_key_in_qemu(machine: QemuMachine, display: VmDisplay) -> None:
    heard, names = Heard(machine), sorted(QCODES)
    with opened(display) as monitor:
        replies = [tap(monitor, name) for name in names]
    assert [each.error for each in replies] == [None] * len(names)
    assert all(each.sent_ns and each.received_ns and each.sent_ns < each.received_ns for each in replies)
    assert heard.keys() == [f"{sign}{name}" for name in names for sign in "+-"]


def test_a_key_changes_the_picture_of_the_guest(machine: QemuMachine, display: VmDisplay) -> None:
    """Esc opens the boot menu of the BIOS, and Esc closes it."""
    machine.command("system_reset")
    time.sleep(0.5)
    before = machine.settled()
    with opened(display) as monitor:
        until(lambda: tap(monitor, "esc").error is None)
        machine.wait_until(lambda: not np.array_equal(machine.screendump(), before), "the boot menu")


def test_every_button_and_both_kinds_of_motion(machine: QemuMachine, display: VmDisplay) -> None:
    heard = Heard(machine)
    with opened(display) as monitor:
        assert monitor.status.pointing is PointingDevice.RELATIVE
        monitor.send([Relative(Axis.X, 7), Relative(Axis.Y, -3)])
        for button in Button:
            monitor.send([Press(button, True), Press(button, False)])
        until(lambda: len(heard.buttons()) == 2 * len(BUTTON_NUMBERS))
        assert heard.buttons() == [f"{sign}{button.value}" for button in Button for sign in "+-"]
        assert heard.motion("rel") == [("x", 7), ("y", -3)]
        (tablet,) = (each for each in machine.command("query-mice") if each["absolute"])
        machine.command("human-monitor-command", **{"command-line": f"mouse_set {tablet['index']}"})
        until(lambda: monitor.status.pointing is PointingDevice.ABSOLUTE)
        events: list[Event] = [Absolute(Axis.X, 0x4000), Absolute(Axis.Y, 0x7FFF), Relative(Axis.X, 1)]
        monitor.send(events)
        until(lambda: len(heard.motion("abs")) == 2)
        width, height = _size(display)
        x, y = (value for _, value in heard.motion("abs"))
        # QEMU itself rounds each pixel down to a position that is slightly too small (qemu_input_scale_axis).
        assert abs(x * width / 0x7FFF - width // 2) < 0.1
        assert abs(y * height / 0x7FFF - (height - 1)) < 0.1
        assert heard.motion("rel") == [("x", 7), ("y", -3)]
        monitor.send([Touch(TouchKind.BEGIN, 0, 0.5, 0.25), Touch(TouchKind.END, 0, 0.5, 0.25)])
        until(lambda: heard.buttons()[-1:] == ["+touch"] and heard.count("input_event_sync") > 0)
        assert [axis for axis, _ in heard.motion("mtt")][:3] == ["x", "x", "y"]
        assert monitor.status.detail == ""
    assert machine.process.poll() is None


def _size(display: VmDisplay) -> tuple[int, int]:
    console = display.properties(console_path(0), CONSOLE)
    return (console["Width"], console["Height"])


def test_what_is_pressed_at_the_end_is_released(machine: QemuMachine, display: VmDisplay) -> None:
    heard = Heard(machine)
    with opened(display) as monitor:
        monitor.send([Key("shift", True)])
        monitor.send([Press(Button.LEFT, True)])
        until(lambda: heard.buttons() == ["+left"])
    assert heard.keys() == ["+shift", "-shift"]
    assert heard.buttons() == ["+left", "-left"]


def test_controls_are_lost_to_another_client_and_taken_back(machine: QemuMachine, display: VmDisplay) -> None:
    heard = Heard(machine)
    with opened(display, QmpInput(UnixAddress(str(machine.qmp)))) as monitor:
        until(lambda: monitor.status.run_state == "running")
        monitor.send([Key("shift", True)])
        until(lambda: heard.keys() == ["+shift"])
        other = VmDisplay(Endpoint(machine.display_socket(), None, None), lambda: False)
        try:
            until(lambda: monitor.status.can_retake)
            assert (monitor.status.state, monitor.status.detail) == (
                ConnectionState.LOST,
                ControlState.TAKEN_OVER.why_not,
            )
            # The key that was pressed is released by QMP, and power actions go on.
            until(lambda: heard.keys() == ["+shift", "-shift"])
            replies: Queue[Reply] = Queue()
            monitor.power(PowerAction.PAUSE, replies.put)
            monitor.power(PowerAction.RESUME, replies.put)
            assert [replies.get(timeout=20) for _ in range(2)] == [Reply(), Reply()]
            monitor.retake(pytest.fail)
            until(lambda: monitor.status.state is ConnectionState.READY)
            until(lambda: other.state is ControlState.TAKEN_OVER)
        finally:
            other.close()
        assert tap(monitor, "a").error is None
        until(lambda: heard.keys()[-2:] == ["+a", "-a"])
    assert display.state is ControlState.CONNECTED


def test_end_of_the_vm_is_the_end_of_its_input(tmp_path: Path) -> None:
    with QemuMachine(tmp_path, ["VGA"]) as machine:
        ended = False
        display = VmDisplay(Endpoint(machine.display_socket(), None, None), lambda: ended)
        try:
            with opened(display) as monitor:
                ended = True
                machine.quit()
                until(lambda: monitor.status.state is ConnectionState.LOST)
                assert not monitor.status.can_retake
                assert tap(monitor, "a").error
        finally:
            display.close()


def test_a_resolution_is_taken_where_the_device_can_and_refused_where_it_cannot(display: VmDisplay) -> None:
    assert [each.label for each in display.facts.consoles] == ["gpu0", "gpu1", "gpu2"]
    virtio = UiInfoResolution(display, 1)
    virtio.begin(Mode(1234, 777), 96.0)
    settle(virtio)
    assert virtio.is_set(Mode(1234, 777))
    bochs = UiInfoResolution(display, 2)
    bochs.begin(Mode(1234, 777), 96.0)
    with pytest.raises(ResolutionRefused, match="takes no resolution from outside"):
        settle(bochs)
    assert bochs.refusal is not None


def settle(control: UiInfoResolution) -> None:
    while (left := control.step()) is not None:
        time.sleep(left / 1e9)
