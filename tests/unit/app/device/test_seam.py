"""The device seam: calls that the kernel would refuse, and what every implementation answers once it is closed."""

import errno
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from app.abi import vfio
from app.attach.vm_device import VmDevice
from app.device.seam import Device, FdDevice
from app.host.process import Process
from app.sim.config.spec_words import PROFILES
from app.sim.profile import open_simulated
from tests.unit.scripted import ScriptedDevice, memfd
from tests.unit.sim_tools import DuplicateDevice, refused
from tests.unit.vms import Child


@pytest.fixture
def device() -> Iterator[FdDevice]:
    device = FdDevice(os.open("/dev/zero", os.O_RDWR | os.O_CLOEXEC))
    yield device
    device.close()


@contextmanager
def _fd_device() -> Iterator[Device]:
    yield FdDevice(memfd(mmap.PAGESIZE))


@contextmanager
def _simulated_device(profile: str) -> Iterator[Device]:
    yield open_simulated(f"{profile},size=64x64")


@contextmanager
def _vm_device(*, close_at_end: bool, vm_ended: bool) -> Iterator[Device]:
    vm = Child([])
    try:
        process = Process.open(vm.pid)
        device = VmDevice(FdDevice(memfd(mmap.PAGESIZE)), process, process.close, close_at_end=close_at_end)
        if vm_ended:
            vm.end()
        yield device
    finally:
        vm.kill()


@contextmanager
def _scripted_device() -> Iterator[Device]:
    yield ScriptedDevice()


@contextmanager
def _duplicate_device() -> Iterator[Device]:
    owner = open_simulated("gvt,size=64x64")
    yield DuplicateDevice(owner)
    owner.close()


IMPLEMENTATIONS: dict[str, Callable[[], AbstractContextManager[Device]]] = {
    "fd": _fd_device,
    **{f"sim:{profile}": partial(_simulated_device, profile) for profile in PROFILES},
    "vm": partial(_vm_device, close_at_end=True, vm_ended=False),
    "vm-ended": partial(_vm_device, close_at_end=True, vm_ended=True),
    "vm-closed-by-owner": partial(_vm_device, close_at_end=False, vm_ended=True),
    "scripted": _scripted_device,
    "duplicate": _duplicate_device,
}

CALLS: dict[str, Callable[[Device], object]] = {
    "query": lambda device: device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, bytearray(64)),
    "unknown": lambda device: device.ioctl(0, bytearray(8)),
    "pread": lambda device: device.pread(4, 0),
    "pread-nothing": lambda device: device.pread(0, 0),
    "pwrite": lambda device: device.pwrite(b"1234", 0),
    "pwrite-nothing": lambda device: device.pwrite(b"", 0),
    "mmap": lambda device: device.mmap(mmap.PAGESIZE, 0),
    "duplicate": lambda device: device.duplicate(),
    "mmap-region": lambda device: device.mmap(mmap.PAGESIZE, mmap.PAGESIZE),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
def test_a_closed_device_answers_ebadf_to_everything(
    implementation: Callable[[], AbstractContextManager[Device]], call: Callable[[Device], object]
) -> None:
    """Python's mmap takes the fd -1 for anonymous memory: a closed device would look like a black picture."""
    with implementation() as device:
        device.close()
        for _ in range(2):
            with refused(errno.EBADF):
                call(device)
            device.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda device: device.pread(4, 1 << 63),
        lambda device: device.pwrite(b"", 1 << 63),
        lambda device: device.mmap(4096, 1 << 63),
        lambda device: device.mmap(1 << 64, 0),
    ],
)
def test_an_offset_that_no_file_has_is_an_os_error(device: FdDevice, call: Callable[[FdDevice], object]) -> None:
    """A region's offset is 64 bits of the driver's."""
    with pytest.raises(OSError) as caught:
        call(device)
    assert caught.value.errno == errno.EOVERFLOW
