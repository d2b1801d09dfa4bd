"""The connection to a VM's display where something fails in the program: whoever waits is told."""

import socket
import threading
import time
from typing import NoReturn

import pytest

from app.dbus_display.connection import vm_display
from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import CallResult, ControlState, VmDisplay
from app.errors import OpenFailed
from tests.qemu.fake_vm import FakeVm
from tests.unit.app.dbus_display.connection.listeners import NotingListener, wait_until
from tests.unit.refused_threads import refuse_threads


def test_connection_that_ends_in_the_first_order_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_display, "_READY_LIMIT_S", 600.0)
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(OpenFailed, match="Broken pipe"):
        VmDisplay(Endpoint(ours, ":1.5"), lambda: False)


def test_connection_that_ends_in_an_order_is_told_to_subscribers() -> None:
    """A bus is lost with its connection."""
    with FakeVm() as vm:
        ours = vm.connect()
        display = VmDisplay(Endpoint(ours), lambda: True)
        try:
            told, results = list[ControlState](), list[CallResult]()
            display.subscribe(lambda: told.append(display.state))

            def end_and_call(now_ns: int) -> None:
                display._loop._bus_name = ":1.5"
                ours.shutdown(socket.SHUT_RDWR)
                display._loop.call(b"", 1, results.append, now_ns)

            display._order(end_and_call)
            wait_until(lambda: ControlState.LOST in told, "the end was told")
        finally:
            display.close()


def test_thread_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeVm() as vm:
        connection = vm.connect()
        with monkeypatch.context() as patch, pytest.raises(OpenFailed, match="can't start new thread"):
            refuse_threads(patch)
            VmDisplay(Endpoint(connection), lambda: False)
        assert connection.fileno() == -1


def test_controls_that_cannot_be_taken_back_now_can_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeVm() as vm:
        display = VmDisplay(Endpoint(vm.connect(), None, vm.connect), lambda: False)
        try:
            vm.hang_up()
            wait_until(lambda: display.state is ControlState.TAKEN_OVER, "the controls are lost")
            refused: list[str] = []
            with monkeypatch.context() as patch:
                refuse_threads(patch)
                display.retake(refused.append)
            assert refused == ["can't start new thread"]
            display.retake(refused.append)
            wait_until(lambda: display.state is ControlState.CONNECTED, "the controls are back")
            assert len(refused) == 1
        finally:
            display.close()


def test_listener_that_comes_after_the_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fail(_: int) -> NoReturn:
        raise ValueError("a mistake")

    with FakeVm() as vm:
        display = VmDisplay(Endpoint(vm.connect()), lambda: False)
        display._order(fail)
        limit = time.monotonic() + 20
        while display._thread.is_alive() and time.monotonic() < limit:
            time.sleep(0.01)
        listener = NotingListener()
        display.listen(0, listener)
        assert listener.ends == [("the display was closed", True)]
        display.close()
