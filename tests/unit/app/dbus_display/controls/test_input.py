"""Input through a D-Bus display: order, a slow VM, lost controls, and keys that must not stay pressed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.dbus_display.connection.vm_display import ControlState
from app.dbus_display.controls import input as dbus_input
from app.dbus_display.controls.input import DbusInput, DbusMonitor
from app.dbus_display.wire.names import KEYBOARD, MOUSE
from app.input.event import Absolute, Axis, Button, Event, Key, Press, Touch, TouchKind
from app.vm.input_route import InputRoute, NoInput
from app.vm.monitor import Changed, ConnectionState, Lights, Monitor, MonitorStatus, PointingDevice, Reply
from app.vm.power import PowerAction
from tests.unit.app.dbus_display.controls.fake_controls import FakeControls
from tests.unit.qmp_server import until

NO_QMP = NoInput("its command line has no QMP socket")
A, SHIFT = 0x1E, 0x2A


@dataclass
class Inner:
    """The route to the VM's own monitor, and that monitor."""

    status: MonitorStatus = field(default_factory=lambda: MonitorStatus(ConnectionState.READY, run_state="running"))
    reason: str = ""
    destination: str = ""
    manager: str = "Proxmox VE"
    taints: bool = False
    events: list[Event] = field(default_factory=list)
    actions: list[object] = field(default_factory=list)
    closed: int = 0
    changed: Changed = field(default=lambda: None)
    opened: list[Changed] = field(default_factory=list)

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        self.opened.append(changed)
        assert not keep, "the VM's manager cannot use its socket"
        self.changed = changed
        return self

    def send(self, events: Sequence[Event]) -> None:
        self.events += events

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        self.actions.append(command)
        if done is not None:
            done(Reply("value"))

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        self.actions.append(action)
        if done is not None:
            done(Reply())

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        raise AssertionError

    def retake(self, refused: Callable[[str], None]) -> None:
        raise AssertionError

    def close(self, *, wait: bool = True) -> None:
        self.closed += 1


@contextmanager
def opened(
    display: FakeControls, inner: InputRoute = NO_QMP, *, touch: bool = False
) -> Iterator[tuple[Monitor, list[MonitorStatus]]]:
    """A monitor, and each status that it told."""
    seen: list[MonitorStatus] = []
    monitor = DbusInput(display, 0, inner, touch).open(lambda: seen.append(monitor.status), keep=True)
    try:
        yield monitor, seen
    finally:
        monitor.close()
        monitor.close()
        assert display.subscribers == 0


@pytest.fixture
def display() -> FakeControls:
    return FakeControls()


def press(name: str) -> list[Event]:
    return [Key(name, True)]


def test_keys_and_buttons_come_in_order(display: FakeControls) -> None:
    with opened(display) as (monitor, _):
        assert monitor.status.state is ConnectionState.READY
        monitor.send([Key("a", True), Key("a", False)])
        monitor.send([Absolute(Axis.X, 0), Absolute(Axis.Y, 0), Press(Button.EXTRA, True)])
        monitor.send([Press(Button.EXTRA, False), Press(Button.WHEEL_UP, True), Press(Button.WHEEL_UP, False)])
        until(lambda: len(display.calls) == 7)
    assert display.calls == [
        ("Press", A),
        ("Release", A),
        ("SetAbsPosition", 0, 0),
        ("Press", 6),
        ("Release", 6),
        ("Press", 3),
        ("Release", 3),
    ]


def test_motion_is_merged_while_the_vm_is_slow_and_keys_are_not_lost(display: FakeControls) -> None:
    display.answers = False
    with opened(display) as (monitor, _):
        for value in range(0, 0x8000, 8):
            monitor.send([Absolute(Axis.X, value), Absolute(Axis.Y, value)])
        monitor.send([Key("a", True), Key("a", False)])
        until(lambda: display.waiting == 1)
        assert len(display.calls) == 1, "more than one motion is on its way"
        display.answers = True
        display.answer()
        until(lambda: display.calls[-1:] == [("Release", A)])
    positions = [each for each in display.calls if each[0] == "SetAbsPosition"]
    assert len(positions) == 2
    assert positions[-1] == ("SetAbsPosition", 799, 599)


def test_keys_come_no_faster_than_a_guests_keyboard_takes_them(display: FakeControls) -> None:
    """A burst of eight, then one in ten milliseconds: 28 of these 36 wait."""
    with opened(display) as (monitor, _):
        start = time.monotonic()
        for _number in range(18):
            monitor.send([Key("a", True), Key("a", False)])
        until(lambda: len(display.calls) == 36)
        assert time.monotonic() - start >= 0.28
    assert display.calls == [("Press", A), ("Release", A)] * 18


def test_what_is_pressed_is_released_at_the_end(display: FakeControls) -> None:
    with opened(display, touch=True) as (monitor, _):
        monitor.send([Key("shift", True)])
        monitor.send([Press(Button.LEFT, True), Touch(TouchKind.BEGIN, 3, 0.0, 0.0)])
        until(lambda: len(display.calls) == 3)
    assert display.calls[3:] == [("Release", SHIFT), ("Release", 0), ("SendEvent", 3, 3, 0.0, 0.0)]


def test_the_end_does_not_wait_for_a_vm_that_does_not_answer(display: FakeControls) -> None:
    display.answers = False
    with opened(display) as (monitor, _):
        monitor.send([*press("shift"), *press("a")])
        until(lambda: display.waiting == 2)
        monitor.send([Key("b", True)])
    assert display.calls == [("Press", SHIFT), ("Press", A), ("Release", SHIFT), ("Release", A)]


def test_state_of_keyboard_and_pointer_follows_the_vm(display: FakeControls) -> None:
    with opened(display) as (monitor, seen):
        assert monitor.status.pointing is PointingDevice.ABSOLUTE
        assert monitor.status.lights == Lights(0)
        display.change(KEYBOARD, Modifiers=6)
        until(lambda: monitor.status.lights == Lights.NUM_LOCK | Lights.CAPS_LOCK)
        display.change(MOUSE, IsAbsolute=False)
        until(lambda: monitor.status.pointing is PointingDevice.RELATIVE)
        assert len(seen) == 2
        display.change(KEYBOARD, Modifiers="x")
        display.change(MOUSE, IsAbsolute=7)
        until(lambda: (monitor.status.lights, monitor.status.pointing) == (None, None))
        assert not monitor.status.touch
    with opened(display, touch=True) as (monitor, _):
        assert monitor.status.touch


def test_controls_that_another_client_took_over_come_back_on_request_only(display: FakeControls) -> None:
    refusals: list[str] = []
    with opened(display) as (monitor, seen):
        monitor.send(press("shift"))
        until(lambda: len(display.calls) == 1)
        monitor.retake(refusals.append)
        assert display.retaken == 0, "the controls are not lost"
        display.set_state(ControlState.TAKEN_OVER)
        until(lambda: monitor.status.can_retake)
        assert (monitor.status.state, monitor.status.detail) == (ConnectionState.LOST, ControlState.TAKEN_OVER.why_not)
        assert monitor.status.why_not == ControlState.TAKEN_OVER.why_not
        monitor.send(press("a"))
        assert display.retaken == 0
        monitor.retake(refusals.append)
        assert display.retaken == 1
        display.refused("no monitor")
        assert refusals == ["no monitor"]
        display.set_state(ControlState.CONNECTED)
        until(lambda: monitor.status.state is ConnectionState.READY)
        assert not monitor.status.can_retake
        # The key that was pressed before is released, and what was typed meanwhile is gone.
        until(lambda: len(display.calls) == 2)
        assert display.calls == [("Press", SHIFT), ("Release", SHIFT)]
        assert len(seen) == 2


def test_keys_pressed_when_the_controls_are_lost_are_released_by_the_vms_monitor(display: FakeControls) -> None:
    inner = Inner()
    with opened(display, inner) as (monitor, _):
        monitor.send(press("shift"))
        until(lambda: len(display.calls) == 1)
        display.set_state(ControlState.TAKEN_OVER)
        until(lambda: monitor.status.can_retake)
        assert inner.events == [Key("shift", False)]
        # The VM's power does not depend on the controls.
        assert monitor.status.for_commands == inner.status
    assert inner.closed == 2


def test_end_of_the_vm_is_told(display: FakeControls) -> None:
    with opened(display) as (monitor, _):
        display.answers = False
        monitor.send(press("a"))
        until(lambda: display.waiting == 1)
        display.set_state(ControlState.LOST)
        until(lambda: monitor.status.state is ConnectionState.LOST)
        assert monitor.status.detail == "the VM's display is gone"
        assert not monitor.status.can_retake


def test_a_vm_that_stops_answering_counts_as_lost_until_it_answers(
    display: FakeControls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing outdated is typed then; only the releases are sent."""
    monkeypatch.setattr(dbus_input, "_LATE_NS", 20_000_000)
    display.answers = False
    with opened(display) as (monitor, _):
        monitor.send(press("shift"))
        until(lambda: display.waiting == 1)
        monitor.send(press("a"))
        until(lambda: monitor.status.state is ConnectionState.LOST)
        assert "has not answered" in monitor.status.detail
        display.answers = True
        display.answer()
        until(lambda: monitor.status.state is ConnectionState.READY)
        until(lambda: len(display.calls) == 2)
    assert display.calls == [("Press", SHIFT), ("Release", SHIFT)]


def test_a_call_that_ran_out_of_time_is_tried_again_without_a_storm(
    display: FakeControls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbus_input, "_ASK_AGAIN_NS", 50_000_000)
    display.error = lambda _: ("", "no answer")
    with opened(display) as (monitor, _):
        monitor.send([Press(Button.WHEEL_UP, True), Press(Button.WHEEL_UP, False)])
        until(lambda: monitor.status.detail == "no answer")
        begun = time.monotonic()
        time.sleep(0.2)
        assert len(display.calls) < 12 + (time.monotonic() - begun) / 0.05
        display.error = lambda _: None
        until(lambda: monitor.status.state is ConnectionState.READY)


def test_what_the_vm_refuses_is_told_but_motion_is_not(display: FakeControls) -> None:
    invalid = ("org.qemu.Display1.Error.Invalid", "Mouse is not\nabsolute")
    display.error = lambda _: invalid
    with opened(display) as (monitor, seen):
        monitor.send([Absolute(Axis.X, 0)])
        until(lambda: display.calls != [] and not display.waiting)
        monitor.send(press("a"))
        until(lambda: monitor.status.detail == "the VM refuses input: Mouse is not absolute")
        assert monitor.status.state is ConnectionState.READY
        display.error = lambda _: None
        monitor.send([Key("a", False)])
        until(lambda: monitor.status.detail == "")
        assert len(seen) == 2


def test_too_much_input_for_a_vm_that_hangs_is_dropped(display: FakeControls) -> None:
    display.answers = False
    with opened(display) as (monitor, seen):
        monitor.send(press("a"))
        until(lambda: display.waiting == 1)
        for _number in range(1100):
            monitor.send(press("a"))
        until(lambda: monitor.status.state is ConnectionState.LOST)
        assert "too slowly" in monitor.status.detail
        display.answers = True
        display.answer()
        until(lambda: monitor.status.state is ConnectionState.READY)
        until(lambda: display.calls[-1] == ("Release", A))
    assert len(display.calls) < 20
    assert len(seen) >= 2


def test_a_tap_is_press_and_release_with_its_times(display: FakeControls) -> None:
    display.answers = False
    replies: list[Reply] = []
    with opened(display) as (monitor, _):
        monitor.tap("esc", replies.append)
        assert display.calls == [("Press", 1), ("Release", 1)]
        display.answer(1)
        assert replies == []
        display.answer()
        assert [(each.error, each.sent_ns, each.received_ns) for each in replies] == [(None, 2000, 2500)]
        display.error = lambda _: ("org.freedesktop.DBus.Error.Failed", "no\nkeyboard")
        monitor.tap("esc", replies.append)
        display.answer()
        monitor.tap("no-key", replies.append)
        display.set_state(ControlState.TAKEN_OVER)
        monitor.tap("esc", replies.append)
    monitor.tap("esc", replies.append)
    assert [each.error for each in replies[1:]] == [
        "no keyboard",
        "QEMU has no number for the key 'no-key'",
        "the connection has ended",
        "the monitor is closed",
    ]


def test_commands_and_power_go_to_the_vms_own_monitor(display: FakeControls) -> None:
    inner, replies = Inner(), list[Reply]()
    with opened(display, inner) as (monitor, seen):
        assert monitor.status.run_state == "running"
        monitor.execute("query-name", done=replies.append)
        monitor.power(PowerAction.PAUSE, replies.append)
        assert inner.actions == ["query-name", PowerAction.PAUSE]
        assert replies == [Reply("value"), Reply()]
        inner.status = MonitorStatus(ConnectionState.READY, run_state="paused")
        inner.changed()
        until(lambda: monitor.status.run_state == "paused")
        # A monitor that is gone does not stop the input.
        inner.status = MonitorStatus(ConnectionState.LOST, "the VM does not answer")
        inner.changed()
        until(lambda: monitor.status.run_state is None)
        assert monitor.status.state is ConnectionState.READY
        assert len(seen) == 2


def test_a_domain_of_libvirt_is_not_tainted_by_keys_but_by_the_first_command(display: FakeControls) -> None:
    inner, replies = Inner(taints=True), list[Reply]()
    with opened(display, inner) as (monitor, _):
        monitor.send(press("a"))
        until(lambda: len(display.calls) == 1)
        commands = monitor.status.for_commands
        assert commands is not None and not commands.why_not and commands.run_state is None
        assert not inner.opened
        monitor.power(PowerAction.PAUSE, replies.append)
        monitor.execute("query-name", done=replies.append)
        assert inner.actions == [PowerAction.PAUSE, "query-name"] and len(inner.opened) == 1
        inner.changed()
        until(lambda: monitor.status.run_state == "running")
    assert inner.closed == 2
    monitor.execute("query-name", done=replies.append)
    unused = Inner(taints=True)
    with opened(display, unused) as (monitor, _):
        pass
    monitor.execute("query-name", done=replies.append)
    assert replies[-1] == Reply(error="the monitor is closed") and not unused.opened


def test_without_a_monitor_of_its_own_the_vm_takes_input_and_no_command(display: FakeControls) -> None:
    replies: list[Reply] = []
    with opened(display) as (monitor, _):
        monitor.execute("stop", done=replies.append)
        monitor.power(PowerAction.PAUSE, replies.append)
        assert monitor.status.state is ConnectionState.READY
        commands = monitor.status.for_commands
        assert commands is not None
        assert commands.why_not == NO_QMP.reason
    assert [each.error for each in replies] == [NO_QMP.reason] * 2


def test_a_window_that_is_closed_does_not_wait(display: FakeControls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbus_input, "_CLOSE_NS", 20_000_000_000)
    display.answers = False
    monitor = DbusMonitor(display, 0, NO_QMP, lambda: None)
    monitor.send(press("shift"))
    until(lambda: display.waiting == 1)
    start = time.monotonic()
    monitor.close(wait=False)
    assert time.monotonic() - start < 10
    display.answers = True
    display.answer()
    until(lambda: display.subscribers == 0)
    assert display.calls[-1] == ("Release", SHIFT)
    until(lambda: not monitor._thread.is_alive())


def test_the_display_is_given_back_after_the_last_key_was_released(display: FakeControls) -> None:
    """A window closes its session at once, and the display with it unless the monitor still uses it."""
    given_back: list[int] = []
    monitor = DbusInput(display, 0, NO_QMP, hold=lambda: lambda: given_back.append(display.waiting)).open(lambda: None)
    monitor.send(press("shift"))
    until(lambda: len(display.calls) == 1)
    display.answers = False
    monitor.close(wait=False)
    until(lambda: display.waiting == 1)
    assert display.calls[-1] == ("Release", SHIFT)
    display.answer()
    monitor.close()
    assert given_back == [0]
