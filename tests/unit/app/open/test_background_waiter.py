"""A waiter on a thread of its own: a scan that takes long, a result that comes too late."""

import threading
import time
from dataclasses import replace

import pytest

from app.open.background_waiter import BackgroundWaiter
from app.open.opening import vfio_session
from app.open.session import Session
from app.open.target import Named
from app.open.waiter import Waiter
from app.planes.status import Reason, Status
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.hosts import UUID_A
from tests.unit.scripted import ScriptedDevice

DEVICE_TARGET = Named(UUID_A)


class _Slow(Waiter):
    """A look takes until it is told to go on, as on a host with very many processes."""

    def __init__(self, found: Session | Status | Exception) -> None:
        super().__init__(DEVICE_TARGET)
        self._found = found
        self.looking, self.go_on = threading.Event(), threading.Event()

    def poll(self) -> Session | Status:
        self.looking.set()
        assert self.go_on.wait(20)
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def _source() -> tuple[ScriptedDevice, Session]:
    device = ScriptedDevice()
    return device, vfio_session(OpenedDevice("x", "x", device, None, FetchRule.FREELY, lambda: None))


def _polled(waiter: BackgroundWaiter) -> Session:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = waiter.poll()
        if isinstance(found, Session):
            return found
        time.sleep(0.005)
    raise AssertionError("nothing was found")


def test_a_look_that_takes_long_holds_nobody_up() -> None:
    device, source = _source()
    slow = _Slow(source)
    waiter = BackgroundWaiter(lambda: slow)
    assert slow.looking.wait(20)
    assert waiter.poll() == Status(Reason.NOT_STARTED)
    slow.go_on.set()
    assert _polled(waiter) is source
    waiter.close()
    assert not device.closed, "it is the caller's"
    device.close()


def test_what_is_found_too_late_is_let_go_of() -> None:
    device, source = _source()
    slow = _Slow(source)
    waiter = BackgroundWaiter(lambda: slow)
    assert slow.looking.wait(20)
    threading.Timer(0.05, slow.go_on.set).start()
    waiter.close()
    waiter.close()
    assert device.closed


def test_vm_that_ends_before_it_is_taken_frees_its_device() -> None:
    """A window may be busy drawing for long; the VM's next start must not wait for that."""
    device, source = _source()
    slow = _Slow(replace(source, ended=lambda: Status(Reason.VM_ENDED)))
    waiter = BackgroundWaiter(lambda: slow)
    slow.go_on.set()
    end = time.monotonic() + 20
    while not device.closed:
        assert time.monotonic() < end, "it is kept open"
        time.sleep(0.005)
    waiter.close()


def test_an_error_of_the_program_is_not_waited_over() -> None:
    slow = _Slow(ValueError("a mistake"))
    slow.go_on.set()
    waiter = BackgroundWaiter(lambda: slow)
    with pytest.raises(ValueError, match="a mistake"):
        _polled(waiter)
    waiter.close()
