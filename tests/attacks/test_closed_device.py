"""A closed device is an error, never a black picture, and its memory does not outlive it.

Python's mmap takes the fd -1 for anonymous memory, which is zeros. The device here is a real file that the VM, a
process of its own, has open as well.
"""

import errno
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.abi import vfio
from app.attach.vm_device import VmDevice
from app.device.seam import FdDevice
from app.host.process import Process
from app.planes.buffer import MemoryBuffer
from app.planes.plane import Backing
from app.vfio.poller import Poller
from tests.unit.qmp_server import until
from tests.unit.scripted import ScriptedRegionDevice, memfd, plane_answer
from tests.unit.vms import Child

_WHITE = b"\xff" * 4096


class _FileDevice(FdDevice):
    """A device with one region plane, which is white."""

    def ioctl(self, request: int, buffer: bytearray) -> int:
        os.fstat(self._open_fd())
        plane = plane_answer(width=32, height=32, stride=128)
        return ScriptedRegionDevice(primary=lambda: plane, region_size=4096).ioctl(request, buffer)


@pytest.fixture
def vm() -> Iterator[Child]:
    file = memfd(4096, "region")
    os.pwrite(file, _WHITE, 0)
    child = Child([], [file])
    yield child
    child.kill()


@pytest.fixture
def device(vm: Child) -> Iterator[VmDevice]:
    process = Process.open(vm.pid)
    device = VmDevice(_FileDevice(process.duplicate(vm.fds[0])), process, process.close)
    yield device
    device.close()


def _maps_of_the_region() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:region")


def _holders() -> int:
    """How many fds of this process lead to the region."""
    return sum("memfd:region" in str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())


@pytest.mark.parametrize("how", ["closed", "VM ended"])
def test_after_the_end_no_call_returns_zeros(vm: Child, device: VmDevice, how: str) -> None:
    mapping = device.mmap(4096, 0)
    assert mapping[:] == _WHITE
    number = _end(vm, device, how)
    calls: list[Callable[[], object]] = [
        lambda: device.mmap(4096, 0),
        lambda: device.pread(4096, 0),
        lambda: device.pwrite(b"1234", 0),
        device.duplicate,
        lambda: device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, bytearray(64)),
    ]
    for call in calls:
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == number
    mapping.close()


def _end(vm: Child, device: VmDevice, how: str) -> int:
    """End the device; the errno that it answers then."""
    if how == "closed":
        device.close()
        return errno.EBADF
    vm.end()
    until(lambda: _holders() == 0)
    return errno.ENODEV


def _is_refused(device: VmDevice) -> bool:
    try:
        device.pread(4, 0)
    except OSError:
        return True
    return False


def test_frames_after_the_vms_end_have_no_black_picture_and_the_memory_is_unmapped(vm: Child, device: VmDevice) -> None:
    poller = Poller(device)
    try:
        frame = poller.latest()
        assert frame.primary is not None and frame.primary.plane.backing is Backing.REGION
        buffer = frame.primary.buffer
        with buffer.mapping() as pixels:
            # The VM ends while a copy of the picture is being made.
            vm.end()
            until(lambda: _is_refused(device))
            assert bytes(pixels) == _WHITE, "unmapped below a reader"
            after = poller.latest()
            assert after.primary is None
        # A mapping has a fd of its own, which keeps the device open.
        until(lambda: _maps_of_the_region() == _holders() == 0)
        with pytest.raises(ValueError), buffer.mapping():
            pass
        for _ in range(3):
            assert poller.latest().primary is None
    finally:
        poller.close()


def test_a_closed_file_device_maps_nothing() -> None:
    device = FdDevice(memfd(4096))
    device.close()
    for place in (0, mmap.PAGESIZE):
        with pytest.raises(OSError) as caught:
            MemoryBuffer(device.mmap(mmap.PAGESIZE, place))
        assert caught.value.errno == errno.EBADF
