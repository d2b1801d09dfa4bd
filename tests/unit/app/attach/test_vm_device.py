"""A VM's device is closed the moment the VM ends, whatever the program is doing."""

import errno
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from app.attach.vm_device import VmDevice
from app.host.process import Process
from tests.unit.refused_threads import refuse_threads
from tests.unit.scripted import ScriptedDevice
from tests.unit.sim_tools import refused
from tests.unit.vms import Child

_PATIENCE_S = 20.0


@dataclass
class _Device(ScriptedDevice):
    """Sets an event when it is closed; its one region is a file."""

    was_closed: threading.Event = field(default_factory=threading.Event)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        with tempfile.TemporaryFile() as file:
            file.truncate(length)
            return mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ)

    def close(self) -> None:
        super().close()
        self.was_closed.set()


@pytest.fixture
def vm() -> Iterator[Child]:
    child = Child([])
    yield child
    child.kill()


def _open(vm: Child, *, close_at_end: bool = True) -> tuple[_Device, VmDevice, Process]:
    device, process = _Device(), Process.open(vm.pid)
    return device, VmDevice(device, process, process.close, close_at_end=close_at_end), process


def _soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_device_is_closed_while_nobody_polls_it(vm: Child) -> None:
    device, vm_device, process = _open(vm)
    vm.end()
    assert device.was_closed.wait(_PATIENCE_S)
    with pytest.raises(OSError) as refused:
        vm_device.ioctl(0, bytearray(8))
    assert refused.value.errno == errno.ENODEV
    assert process.ended()
    vm_device.close()
    vm_device.close()
    assert process.fileno() == -1


@pytest.mark.parametrize(
    "call",
    [
        lambda device: device.ioctl(0, bytearray(8)),
        lambda device: device.pread(4, 0),
        lambda device: device.pwrite(b"1234", 0),
        lambda device: device.mmap(mmap.PAGESIZE, 0),
    ],
)
def test_every_call_answers_enodev_after_the_vms_end_and_ebadf_after_close(
    vm: Child, call: Callable[[VmDevice], object]
) -> None:
    device, vm_device, _ = _open(vm)
    vm.end()
    assert device.was_closed.wait(_PATIENCE_S)
    with refused(errno.ENODEV):
        call(vm_device)
    vm_device.close()
    with refused(errno.EBADF):
        call(vm_device)


def test_mapping_goes_too_once_nobody_reads_it(vm: Child) -> None:
    device, vm_device, _ = _open(vm)
    mapping = vm_device.mmap(mmap.PAGESIZE, 0)
    with memoryview(mapping) as read:
        vm.end()
        assert device.was_closed.wait(_PATIENCE_S)
        assert read[0] == 0, "the mapping stays until its reader is done"
        assert not mapping.closed
    assert _soon(lambda: mapping.closed)
    vm_device.close()


def test_closing_does_not_wait_for_a_reader(vm: Child) -> None:
    device, vm_device, _ = _open(vm)
    mapping = vm_device.mmap(mmap.PAGESIZE, 0)
    with memoryview(mapping):
        vm.end()
        assert device.was_closed.wait(_PATIENCE_S)
        vm_device.close()
    mapping.close()


def test_a_living_vm_keeps_its_device_until_it_is_closed(vm: Child) -> None:
    before = len(os.listdir("/proc/self/fd"))
    device, vm_device, process = _open(vm)
    assert not device.was_closed.wait(0.05)
    vm_device.close()
    assert device.closed and process.fileno() == -1
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_driver_whose_buffers_must_go_first_is_closed_by_its_owner_alone(vm: Child) -> None:
    device, vm_device, process = _open(vm, close_at_end=False)
    vm.end()
    assert _soon(process.ended)
    assert not device.was_closed.wait(0.05)
    vm_device.close()
    assert device.closed


def test_without_another_thread_nothing_is_taken_over(vm: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """An OSError, which the opening of a device makes a line for a person; a RuntimeError ended the window."""
    device, process = _Device(), Process.open(vm.pid)
    before = sorted(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patched:
        refuse_threads(patched)
        with pytest.raises(OSError, match=os.strerror(errno.EAGAIN)):
            VmDevice(device, process, process.close)
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert not device.closed
    process.close()
