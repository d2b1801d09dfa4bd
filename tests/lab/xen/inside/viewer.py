"""What a program that shows the guest's display sees, in this process and without OpenGL."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from app.planes.frame import Frame
from app.xen.access.nodes import open_xen_host
from app.xen.display.display_source import VdisplSource
from app.xen.display.own_dmabuf import new_own_dmabuf
from tests.lab.xen.guest import pattern
from tests.lab.xen.guest_config import SIZE
from tests.lab.xen.inside.guest import Guest
from tests.lab.xen.inside.toolstack import PATIENCE_S


@contextmanager
def viewing(domid: int, device: int = 0, new_dmabuf: Callable[[int], int] = new_own_dmabuf) -> Iterator[VdisplSource]:
    """The source of connector 0, closed at the end."""
    source = VdisplSource(open_xen_host(), domid, device, 0, new_dmabuf=new_dmabuf)
    try:
        yield source
    finally:
        source.close()


def pixels(frame: Frame) -> bytes:
    """The bytes of the picture, without padding; empty without a picture."""
    if frame.primary is None:
        return b""
    plane, buffer = frame.primary.plane, frame.primary.buffer
    with buffer.mapping(0, plane.stride * plane.height) as memory:
        return bytes(memory)


def wait_for_frame(source: VdisplSource, last: Frame | None, guest: Guest, seconds: float = PATIENCE_S) -> Frame:
    """The next frame, also one without a picture. What the guest says meanwhile is kept."""
    until = time.monotonic() + seconds
    while (frame := source.latest()) is last:
        assert time.monotonic() < until, f"no new frame within {seconds:.0f} s: {last}"
        select.select([source.fileno()], [], [], 0.2)
        guest.listen()
    return frame


def show_any_picture(source: VdisplSource, guest: Guest) -> None:
    """Wait until there is one, and acknowledge it."""
    frame = None
    while frame is None or frame.primary is None:
        frame = wait_for_frame(source, frame, guest)
        source.shown(frame, time.monotonic_ns())


def wait_for_picture(source: VdisplSource, seed: int, guest: Guest, seconds: float = PATIENCE_S) -> Frame:
    """Wait until the picture of this seed is shown. Every frame before is acknowledged."""
    until = time.monotonic() + seconds
    frame = source.latest()
    while not shows(frame, seed):
        source.shown(frame, time.monotonic_ns())
        assert time.monotonic() < until, f"no picture {seed} within {seconds:.0f} s: {frame}"
        frame = wait_for_frame(source, frame, guest, seconds)
    source.shown(frame, time.monotonic_ns())
    return frame


def shows(frame: Frame, seed: int) -> bool:
    """Whether every pixel is that of the guest's picture."""
    return pixels(frame) == pattern.picture(seed, *SIZE)


def serve_forever(domid: int, told: Connection) -> None:
    """Show the display until killed; tells of each frame whether it has a picture."""
    with viewing(domid) as source:
        frame = None
        while True:
            if (newest := source.latest()) is not frame:
                frame = newest
                source.shown(frame, time.monotonic_ns())
                told.send(frame.primary is not None)
            select.select([source.fileno()], [], [], 0.2)
