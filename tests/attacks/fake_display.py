"""A viewer in this process, of a VM that a test plays (:mod:`tests.qemu.fake_vm`)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import VmDisplay
from app.dbus_display.picture.console_source import ConsoleSource
from tests.qemu.fake_vm import FakeListener, FakeVm

PATIENCE_S = 20.0
X8R8G8B8 = 0x20020888
"""pixman's code."""
XR24 = 0x34325258


@dataclass(frozen=True)
class Attacked:
    """``listener`` is the VM's end."""

    vm: FakeVm
    display: VmDisplay
    source: ConsoleSource
    listener: FakeListener


@contextmanager
def attacked() -> Iterator[Attacked]:
    """Console 0 is shown. ``retake`` opens a new connection to the same VM."""
    with FakeVm() as vm:
        display = VmDisplay(Endpoint(vm.connect(), None, vm.connect), lambda: False)
        try:
            source = ConsoleSource(display, 0, lambda: None)
            try:
                yield Attacked(vm, display, source, vm.listener())
            finally:
                source.close()
        finally:
            display.close()


def until(true: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.002)
