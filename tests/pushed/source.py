"""Frames pushed through a fd: memory of the source's own, damage, the first row at the bottom, a cursor by value."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from app.abi import drm_fourcc as drm
from app.formats.fourcc import parse_fourcc
from app.planes.buffer import MemoryBuffer
from app.planes.change_log import ChangeLog
from app.planes.damage import DamagedRect
from app.planes.frame import Frame, FrameTiming, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status

WIDTH, HEIGHT = 320, 240
CURSOR = 16
CURSOR_AT = (40, 30)
BLOCK = DamagedRect(100, 50, 64, 32)

Rgb = NDArray[np.uint8]
Rgba = NDArray[np.uint8]


def background() -> Rgb:
    """The picture before the first push, [HEIGHT, WIDTH, 3], top row first: no two rows or columns are alike."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack((columns % 256, rows, (columns + 2 * rows) % 256), axis=2).astype(np.uint8)


def expected_picture(number: int, *, cursor: bool = True) -> Rgb:
    """What a viewer must show after that many pushes, [HEIGHT, WIDTH, 3], top row first."""
    shown = background()
    if number:
        shown[BLOCK.y : BLOCK.y + BLOCK.height, BLOCK.x : BLOCK.x + BLOCK.width] = _colour(number)
    if cursor:
        x, y = CURSOR_AT
        # The lower half of the cursor's square is clear.
        shown[y : y + CURSOR // 2, x : x + CURSOR] = (255, 255, 0)
    return shown


def _colour(number: int) -> tuple[int, int, int]:
    return (number * 50 % 256, 255 - number * 30 % 256, 128)


@dataclass
class PushedSource:
    """A :class:`app.planes.frame_source.FrameSource`; :meth:`push` and :meth:`end` may be called on any thread."""

    pad: int = 12
    tells_damage: bool = True
    cursor_image: Rgba | None = None
    """Another image of the cursor, with straight alpha."""
    shown_frames: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._number = 0
        self._stride = WIDTH * 4 + self.pad
        self._memory = bytearray(self.pad + self._stride * HEIGHT)
        self._changes = ChangeLog()
        self._buffer = MemoryBuffer(self._memory, changes=self._changes if self.tells_damage else None)
        self._cursor = self._cursor_surface()
        self._put(background(), 0, 0)
        self._frame = Frame(Status(Reason.OK), self._primary(), self._cursor, serial=1)

    def push(self) -> None:
        """Change a block of the picture."""
        self._number += 1
        self.put([BLOCK], [np.full((BLOCK.height, BLOCK.width, 3), _colour(self._number), np.uint8)])

    def put(self, damage: Sequence[DamagedRect], blocks: Sequence[Rgb]) -> None:
        """Change these parts of the picture, each to its block."""
        with self._lock:
            for rect, block in zip(damage, blocks, strict=True):
                self._put(block, rect.x, rect.y)
            # A reader of now either sees the new pixels, or finds this later.
            self._changes.note(damage)
            before = self._frame
            now = time.monotonic_ns()
            timing = FrameTiming(now, now)
            primary = before.primary
            self._frame = Frame(before.status, primary, self._cursor, (), before.serial + 1, tuple(damage), timing)
            self._wake()

    def draw(self) -> None:
        """Change a block of the picture in the buffer on the screen, and tell nobody."""
        with self._lock:
            self._number += 1
            self._put(np.full((BLOCK.height, BLOCK.width, 3), _colour(self._number), np.uint8), BLOCK.x, BLOCK.y)

    def shrink(self) -> None:
        """Another mode: the lower half of the picture is gone."""
        with self._lock:
            before = self._frame
            assert before.primary is not None
            plane = replace(before.primary.plane, height=HEIGHT // 2, offset=self.pad + self._stride * HEIGHT // 2)
            self._frame = replace(before, primary=Surface(plane, self._buffer), serial=before.serial + 1)
            self._wake()

    def end(self) -> None:
        """The VM is gone."""
        with self._lock:
            self._frame = Frame(Status(Reason.VM_ENDED, "pushed"), serial=self._frame.serial + 1)
            self._wake()

    def latest(self) -> Frame:
        with self._lock, suppress(BlockingIOError, OSError):
            os.eventfd_read(self._fd)
        return self._frame

    def fileno(self) -> int:
        return self._fd

    def shown(self, frame: Frame, ns: int) -> None:
        self.shown_frames.append(frame.serial)

    def release_buffers(self) -> None:
        with self._lock:
            if self._frame.primary is not None:
                self._frame = Frame(Status(Reason.NOT_STARTED), serial=self._frame.serial + 1)
            self._buffer.release()
            self._cursor.buffer.release()  # type: ignore[attr-defined]

    def close(self) -> None:
        self.release_buffers()
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)

    def _wake(self) -> None:
        if self._fd >= 0:
            os.eventfd_write(self._fd, 1)

    def _put(self, block: Rgb, x: int, y: int) -> None:
        """Write a block; its coordinates count from the top as a viewer's, the memory's rows from the bottom."""
        rows = np.ndarray((HEIGHT, WIDTH, 4), np.uint8, self._memory, self.pad, (self._stride, 4, 1))
        upright = rows[::-1]
        height, width, _ = block.shape
        # XR24 is blue, green, red, unused in memory.
        upright[y : y + height, x : x + width, :3] = block[..., ::-1]

    def _primary(self) -> Surface:
        plane = Plane(
            kind=PlaneKind.PRIMARY,
            backing=Backing.MEMORY,
            fourcc=parse_fourcc("XR24"),
            modifier=drm.DRM_FORMAT_MOD_LINEAR,
            width=WIDTH,
            height=HEIGHT,
            stride=self._stride,
            size=len(self._memory),
            x=0,
            y=0,
            hot_x=None,
            hot_y=None,
            offset=self.pad,
            y_inverted=True,
        )
        return Surface(plane, self._buffer)

    def _cursor_surface(self) -> Surface:
        image = np.zeros((CURSOR, CURSOR, 4), np.uint8)
        image[: CURSOR // 2] = (0, 255, 255, 255)
        if self.cursor_image is not None:
            # AR24 is blue, green, red, alpha in memory.
            image = self.cursor_image[..., [2, 1, 0, 3]]
        height, width, _ = image.shape
        x, y = CURSOR_AT
        plane = Plane(
            kind=PlaneKind.CURSOR,
            backing=Backing.MEMORY,
            fourcc=parse_fourcc("AR24"),
            modifier=drm.DRM_FORMAT_MOD_LINEAR,
            width=width,
            height=height,
            stride=width * 4,
            size=image.size,
            x=x,
            y=y,
            hot_x=3,
            hot_y=5,
            straight_alpha=self.cursor_image is not None,
        )
        return Surface(plane, MemoryBuffer(image.tobytes(), changes=ChangeLog()))
