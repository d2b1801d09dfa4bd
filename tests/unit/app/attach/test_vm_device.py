"""A VM's device is let go the moment the VM ends, whatever the program is busy with."""

import errno
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from app.attach.vm_device import LentDevice
from app.host.process import Process
from tests.unit.scripted import ScriptedDevice
from tests.unit.vms import Child

_PATIENCE_S = 20.0


@dataclass
class _Device(ScriptedDevice):
    """Says when it was closed; its one region is a file."""

    let_go: threading.Event = field(default_factory=threading.Event)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        with tempfile.TemporaryFile() as file:
            file.truncate(length)
            return mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ)

    def close(self) -> None:
        super().close()
        self.let_go.set()


@pytest.fixture
def vm() -> Iterator[Child]:
    child = Child([])
    yield child
    child.kill()


def _lent(vm: Child, *, at_once: bool = True) -> tuple[_Device, LentDevice, Process]:
    device, process = _Device(), Process.open(vm.pid)
    return device, LentDevice(device, process, process.close, at_once=at_once), process


def _soon(reached: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while not reached() and time.monotonic() < end:
        time.sleep(0.005)
    return reached()


def test_device_is_closed_while_nobody_polls_it(vm: Child) -> None:
    device, lent, process = _lent(vm)
    vm.end()
    assert device.let_go.wait(_PATIENCE_S)
    with pytest.raises(OSError) as refused:
        lent.ioctl(0, bytearray(8))
    assert refused.value.errno == errno.ENODEV
    assert process.ended()
    lent.close()
    lent.close()
    assert process.fileno() == -1


def test_mapping_goes_too_once_nobody_reads_it(vm: Child) -> None:
    device, lent, _ = _lent(vm)
    mapping = lent.mmap(mmap.PAGESIZE, 0)
    with memoryview(mapping) as read:
        vm.end()
        assert device.let_go.wait(_PATIENCE_S)
        assert read[0] == 0, "it is taken away from its reader"
        assert not mapping.closed
    assert _soon(lambda: mapping.closed)
    lent.close()


def test_closing_does_not_wait_for_a_reader(vm: Child) -> None:
    device, lent, _ = _lent(vm)
    mapping = lent.mmap(mmap.PAGESIZE, 0)
    with memoryview(mapping):
        vm.end()
        assert device.let_go.wait(_PATIENCE_S)
        lent.close()
    mapping.close()


def test_a_living_vm_keeps_its_device_until_it_is_closed(vm: Child) -> None:
    before = len(os.listdir("/proc/self/fd"))
    device, lent, process = _lent(vm)
    assert not device.let_go.wait(0.05)
    lent.close()
    assert device.closed and process.fileno() == -1
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_driver_that_minds_the_order_is_closed_by_its_owner_alone(vm: Child) -> None:
    device, lent, process = _lent(vm, at_once=False)
    vm.end()
    assert _soon(process.ended)
    assert not device.let_go.wait(0.05)
    lent.close()
    assert device.closed
