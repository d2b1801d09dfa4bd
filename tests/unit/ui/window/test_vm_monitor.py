"""The monitors of a window: it never waits for one, and what is pressed is released all the same."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal

from app.input.event import Event, Key, qmp_object
from app.qemu.qmp_address import UnixAddress
from app.vm.input_route import NO_VM, SIMULATED, NoInput, QmpInput, TrackedRoute
from app.vm.monitor import Changed, ConnectionState, Monitor, MonitorStatus, Reply
from app.vm.power import PowerAction
from tests.unit.qmp_server import GREETING, LONG_S, Client, FakeVm, until
from ui.window.main_window import MainWindow
from ui.window.vm_monitor import VmMonitor


class Window(QObject):
    """What a monitor's owner knows of a window."""

    monitor_status_changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.monitor: Monitor | None = None
        self.reason = self.destination = self.manager = ""

    def set_monitor(self, monitor: Monitor | None, reason: str, destination: str, manager: str) -> None:
        if self.monitor is not None:
            self.monitor.send([Key("x", False)])
        self.monitor, self.reason, self.destination, self.manager = monitor, reason, destination, manager


@pytest.fixture
def window() -> Window:
    return Window()


def owner_of(window: Window) -> VmMonitor:
    return VmMonitor(cast("MainWindow", window))


@dataclass
class FakeMonitor:
    """A monitor whose peer never answers, so that whoever waits for it waits for ever."""

    calls: list[object]
    status: MonitorStatus = field(default=MonitorStatus(ConnectionState.READY))

    def send(self, events: Sequence[Event]) -> None:
        self.calls.append(tuple(events))

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        raise AssertionError

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        raise AssertionError

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        raise AssertionError

    def retake(self, refused: Callable[[str], None]) -> None:
        raise AssertionError

    def close(self, *, wait: bool = True) -> None:
        assert not wait, "the window's thread waits for a VM"
        self.calls.append("close")


class FakeRoute:
    reason = destination = manager = ""
    taints = False

    def __init__(self) -> None:
        self.calls: list[object] = []

    def open(self, _changed: Changed, *, keep: bool = False) -> Monitor:
        self.calls.append("open")
        return FakeMonitor(self.calls)


@pytest.mark.parametrize("route", [NO_VM, SIMULATED, NoInput("there is no VM yet")])
def test_without_input_the_window_knows_the_reason(window: Window, route: NoInput) -> None:
    monitor = owner_of(window)
    monitor.set_route(route)
    assert (window.monitor, window.reason) == (None, route.reason)
    monitor.close()


def test_a_monitor_that_is_replaced_releases_keys_and_is_not_waited_for(window: Window) -> None:
    monitor, routes = owner_of(window), [FakeRoute() for _ in range(3)]
    for route in routes:
        monitor.set_route(route)
        assert window.reason == ""
    monitor.set_none("the VM ended")
    assert window.reason == "the VM ended"
    monitor.close()
    monitor.close()
    for route in routes:
        assert route.calls == ["open", (Key("x", False),), "close"]


def test_a_monitor_that_is_ready_at_once_is_told_of(window: Window, caplog: pytest.LogCaptureFixture) -> None:
    """Its status does not change then. Each VM that comes is told of, once."""
    monitor = owner_of(window)
    for _ in range(2):
        monitor.set_route(FakeRoute())
        window.monitor_status_changed.emit()
        monitor.set_none("the VM ended")
    monitor.close()
    assert caplog.messages == ["monitor: ready"] * 2


def test_a_monitor_that_cannot_be_opened_is_a_reason(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor, route = owner_of(window), FakeRoute()

    def refuse(_changed: Changed) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(route, "open", refuse)
    monitor.set_route(route)
    assert (window.monitor, window.reason) == (None, "nothing can be sent to the VM: can't start new thread")
    monitor.close()


def test_a_monitor_may_tell_after_the_window_is_gone(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor, route, told = owner_of(window), FakeRoute(), list[Changed]()

    def open_and_note(changed: Changed) -> Monitor:
        told.append(changed)
        return FakeMonitor([])

    monkeypatch.setattr(route, "open", open_and_note)
    monitor.set_route(route)
    monitor.close()
    sip.delete(window)
    told[0]()


def test_monitors_of_vms_that_hang_end_by_themselves(window: Window, tmp_path: Path) -> None:
    """Several devices are chosen one after the other, and then the window is closed."""
    go_on = threading.Event()

    def hangs(vm: FakeVm, client: Client) -> None:
        client.say(GREETING)
        for _ in range(3):
            vm.answer(client, client.hear())
        go_on.wait(LONG_S)

    before = set(threading.enumerate())
    monitor, vms = owner_of(window), [FakeVm(tmp_path / name, hangs) for name in "abc"]
    servers = {vm._thread for vm in vms}
    try:
        for vm in vms:
            monitor.set_route(QmpInput(UnixAddress(str(vm.path))))
            current = window.monitor
            assert current is not None
            until(lambda current=current: current.status.state is ConnectionState.READY)  # type: ignore[misc]
            current.send([Key("x", True)])
        monitor.close()
        assert window.reason == "closed"
        until(lambda: set(threading.enumerate()) <= before | servers)
    finally:
        go_on.set()
        for vm in vms:
            vm.__exit__(None, None, None)


def test_what_is_pressed_when_the_window_closes_is_released(window: Window, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    monitor = owner_of(window)
    with FakeVm(tmp_path / "qmp") as vm:
        monitor.set_route(QmpInput(UnixAddress(str(vm.path))))
        current = window.monitor
        assert current is not None
        until(lambda: current.status.state is ConnectionState.READY)
        current.send([Key("ctrl", True)])
        monitor.close()
        until(lambda: qmp_object(Key("ctrl", False)) in vm.events)
        until(lambda: set(threading.enumerate()) <= before | {vm._thread})


def test_window_is_told_where_keys_go_if_the_user_named_a_port(window: Window) -> None:
    owner = owner_of(window)
    route = FakeRoute()
    route.destination = "192.0.2.7:4444"
    owner.set_route(route)
    assert window.destination == "192.0.2.7:4444"
    owner.set_none("closed")
    assert window.destination == ""


def test_window_is_told_which_manager_needs_the_socket_too(window: Window, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    owner = owner_of(window)
    owner.set_route(TrackedRoute(QmpInput(UnixAddress(str(tmp_path / "qemu-server/105.qmp")))))
    assert window.manager == "Proxmox VE"
    owner.set_none("closed")
    assert window.manager == ""
    until(lambda: set(threading.enumerate()) <= before)
