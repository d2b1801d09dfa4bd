"""Input through a D-Bus display where something fails in the program."""

from typing import NoReturn

import pytest

from app.dbus_display.controls.input import DbusInput
from app.input.event import Key
from app.vm.monitor import ConnectionState, MonitorStatus
from tests.unit.app.dbus_display.controls.fake_controls import FakeControls
from tests.unit.app.dbus_display.controls.test_input import Inner
from tests.unit.qmp_server import until
from tests.unit.refused_threads import refuse_threads


def test_fault_of_the_thread_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    display, seen = FakeControls(), list[MonitorStatus]()

    def fail(*_: object) -> NoReturn:
        raise TypeError("a mistake")

    monkeypatch.setattr(display, "call", fail)
    monitor = DbusInput(display, 0, Inner()).open(lambda: seen.append(monitor.status))
    monitor.send([Key("a", True)])
    until(lambda: bool(seen))
    assert (seen[-1].state, seen[-1].detail) == (ConnectionState.LOST, "the input of the VM failed")
    monitor.close()
    assert display.subscribers == 0
    assert [each.message for each in caplog.records] == ["the input of the VM failed"]
    caplog.clear()


def test_thread_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    display, inner, given_back = FakeControls(), Inner(), list[str]()
    refuse_threads(monkeypatch)
    with pytest.raises(RuntimeError):
        DbusInput(display, 0, inner, hold=lambda: lambda: given_back.append("display")).open(lambda: None)
    assert (display.subscribers, inner.closed, given_back) == (0, 1, ["display"])
