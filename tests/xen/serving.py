"""What a backend shows of a fake guest."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.status import Reason
from app.xen.display.display_source import VdisplSource
from tests.xen.front import wait_until
from tests.xen.guest import FakeGuest
from tests.xen.machine import FakeXen
from tests.xen.pages import new_memory


@contextmanager
def served(xen: FakeXen, guest: FakeGuest, device: int = 0, connector: int = 0) -> Iterator[VdisplSource]:
    """A backend for one connector of a guest. The guest's own dma-bufs are memfds."""
    source = VdisplSource(xen.open_host(), guest.domid, device, connector, new_dmabuf=new_memory)
    try:
        yield source
    finally:
        source.close()


def pixels(frame: Frame) -> bytes:
    """The bytes of the picture, in its format."""
    surface = frame.primary
    assert surface is not None, frame.status
    plane = surface.plane
    with surface.buffer.mapping(plane.offset, plane.stride * plane.height) as memory:
        return bytes(memory)


def wait_frame(source: FrameSource, reason: Reason) -> Frame:
    """The newest frame, as soon as its status has this reason; the source is told that it was shown."""
    frame = source.latest()

    def reached() -> bool:
        nonlocal frame
        frame = source.latest()
        return frame.status.reason is reason

    wait_until(reached, lambda: f"{reason.key}: {frame.status}")
    source.shown(frame, time.monotonic_ns())
    return frame


def wait_pixels(source: FrameSource, wanted: bytes) -> None:
    """Until the picture has these bytes; each frame is shown."""

    def reached() -> bool:
        frame = source.latest()
        source.shown(frame, time.monotonic_ns())
        if frame.primary is None:
            return False
        # The buffer of an older frame may be released meanwhile.
        with suppress(ValueError):
            return pixels(frame) == wanted
        return False

    wait_until(reached, lambda: f"another picture: {source.latest().status}")
