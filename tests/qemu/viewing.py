"""Opens targets in this process and reads their frames with the CPU, as a viewer does with OpenGL."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from app.formats.decode import Rgba, decode
from app.formats.fourcc import pixel_format
from app.open.opening import open_target
from app.open.session import Session
from app.open.target import parse_target
from app.planes.frame import Frame, Surface
from tests.qemu.machine import Colours

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Viewed:
    """An open target. Each read of a frame is told to the source, as after drawing it."""

    session: Session

    def frame(self) -> Frame:
        frame = self.session.source.latest()
        self.session.source.shown(frame, time.monotonic_ns())
        return frame

    def wait_for(self, wanted: Callable[[Frame], object], what: str) -> Frame:
        """The first frame that is as wanted."""
        until = time.monotonic() + PATIENCE_S
        while not wanted(frame := self.frame()):
            assert time.monotonic() < until, f"{what}: {frame}, {self.session.display_facts()}"
            fd = self.session.source.fileno()
            select.select([fd] if fd >= 0 else [], [], [], 0.05)
        return frame

    def picture(self) -> Colours | None:
        """The picture without the pointer; None while there is none."""
        return picture_of(self.frame())

    def wait_for_picture(self, expected: Colours) -> Frame:
        """Wait until each pixel is as expected."""
        return self.wait_for(lambda frame: same(picture_of(frame), expected), "the expected picture")

    def wait_for_pointer(self, expected: Rgba, x: int, y: int) -> None:
        """Wait until the pointer has this picture and this place."""

        def there(frame: Frame) -> bool:
            cursor = frame.cursor
            return cursor is not None and (cursor.plane.x, cursor.plane.y) == (x, y) and same(rgba(cursor), expected)

        self.wait_for(there, f"the pointer at {x}, {y}")


@contextmanager
def viewing(target: str) -> Iterator[Viewed]:
    """Open a target as a command does, and close it."""
    session = open_target(parse_target(target))
    try:
        yield Viewed(session)
    finally:
        session.close()


def rgba(surface: Surface) -> Rgba:
    """The pixels of a plane, top row first."""
    plane = surface.plane
    format_ = pixel_format(plane.fourcc)
    assert format_ is not None
    with surface.buffer.mapping(plane.offset, plane.stride * plane.height) as memory:
        rows = np.frombuffer(memory, np.uint8).reshape(plane.height, plane.stride)
        pixels = decode(rows, format_, plane.width)
    return pixels[::-1] if plane.y_inverted else pixels


def picture_of(frame: Frame) -> Colours | None:
    """The picture without the pointer; None while there is none."""
    return None if frame.primary is None else rgba(frame.primary)[..., :3]


def same(seen: Colours | None, expected: Colours) -> bool:
    """Whether each pixel is equal."""
    return seen is not None and np.array_equal(seen, expected)
