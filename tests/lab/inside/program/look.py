"""Opens and draws a target in this process as the commands do, which is faster than another start of Python."""

import mmap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.abi import vfio
from app.device.seam import Device
from app.host.discovery import discover
from app.host.scan import HostScan
from app.open.opening import open_device, vfio_session
from app.open.target import parse_target
from app.planes.frame import Frame
from app.planes.plane_document import Document
from app.vfio.poller import Poller
from gl.inspection import inspect_document
from tests.lab.inside.pictures import Colours
from tests.lab.inside.rawvfio import Mbochs, fd_of
from ui.offscreen import OffscreenView, offscreen_view


class Counted:
    """A device that counts how often a dma-buf was fetched from it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.fetched = 0

    def ioctl(self, request: int, buffer: bytearray) -> int:
        self.fetched += request == vfio.VFIO_DEVICE_GET_GFX_DMABUF
        return self._device.ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        return self._device.pread(length, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        raise AssertionError("nothing may write to a device")

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        return self._device.mmap(length, offset)

    def duplicate(self) -> int:
        return self._device.duplicate()

    def close(self) -> None:
        self._device.close()


@dataclass(frozen=True)
class Look:
    device: Counted
    poller: Poller
    _view: OffscreenView

    def picture(self) -> Colours:
        """The picture that the device shows now."""
        pixels = self._view.renderer.capture(self.poller.latest())
        assert pixels is not None, self.told()
        return pixels[..., :3]

    def told(self) -> Document:
        """The document of ``inspect``."""
        session = self._view.session
        return inspect_document(session.target, self.poller.latest(), session.describe(), self._view.renderer)

    def wait(self, wanted: Callable[[Frame], bool], seconds: float) -> Frame:
        """Poll as the commands do."""
        until = time.monotonic() + seconds
        while not wanted(frame := self.poller.latest()):
            assert time.monotonic() < until, frame
            time.sleep(0.005)
        return frame

    def let_go(self) -> None:
        """Release the device as ui/window/picture/picture_window.py does when it is removed: the GL context stays."""
        self._view.renderer.drop_released()
        self.poller.close()


@contextmanager
def look(target: str) -> Iterator[Look]:
    """Open, poll and draw a target as the commands do (ui/offscreen.py). ``fd:N`` is taken over."""
    opened = open_device(parse_target(target))
    device = Counted(opened.device)
    session = vfio_session(replace(opened, device=device))
    assert isinstance(session.source, Poller)
    with offscreen_view(session) as view:
        yield Look(device, session.source, view)


def holder_device(name: str) -> Mbochs:
    """A duplicate of a vGPU that a process has open, to write to it as the VM does. Close it after use."""
    (vgpu,) = (each for each in discover(HostScan.take()) if each.name == name)
    (holder,) = vgpu.holders
    assert holder.fd is not None
    return Mbochs(fd_of(holder.pid, holder.fd))
