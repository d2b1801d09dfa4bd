"""What is uploaded of a plane whose source tells what changed: that, and no more."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.change_log import MOST_NOTES, ChangeLog
from app.planes.check import bytes_needed
from app.planes.damage import DamagedRect
from app.planes.file_buffer import FileBuffer
from app.planes.frame import Frame, Surface
from app.planes.outcome import PixelPath
from app.planes.plane import Backing
from app.planes.status import Reason
from gl.canvas import Canvas
from gl.context import Context
from gl.errors import GL_OUT_OF_MEMORY, GlError
from gl.renderer import Renderer
from tests.gl.failing import SECOND, Clock
from tests.gl.surfaces import OK, Bytes, format_of, plane_of, reference, window
from tests.pushed.source import CURSOR, CURSOR_AT, HEIGHT, WIDTH, PushedSource, expected_picture

_OFFSET = 16


@dataclass
class Uploads:
    """Which rectangles of texels were uploaded."""

    rects: list[tuple[int, int, int, int]] = field(default_factory=list)

    def taken(self) -> list[tuple[int, int, int, int]]:
        """Those since the last call."""
        rects, self.rects = self.rects, []
        return rects

    @property
    def texels(self) -> int:
        return sum(width * height for _, _, width, height in self.rects)


@pytest.fixture
def uploads(gl_context: Context, renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    found, call = Uploads(), gl_context.gl.TexSubImage2D

    def count(target: int, level: int, x: int, y: int, width: int, height: int, *others: Any) -> int:
        found.rects.append((x, y, width, height))
        return call(target, level, x, y, width, height, *others)

    monkeypatch.setattr(gl_context.gl, "TexSubImage2D", count)
    return found


class Screen:
    """A plane in memory that can be written, of random pixels, and its log."""

    def __init__(
        self,
        kind: type[MemoryBuffer | FileBuffer | DmaBuffer],
        fourcc: int,
        width: int,
        height: int,
        pad: int = 0,
        *,
        inverted: bool = False,
        seed: int = 0,
    ) -> None:
        self._random = np.random.default_rng([seed, fourcc, width, height, pad])
        self._fourcc, self._inverted = fourcc, inverted
        stride = format_of(fourcc).row_bytes(width) + pad
        backing = Backing.DMABUF if kind is DmaBuffer else Backing.MEMORY
        plane = plane_of(fourcc, width, height, stride, backing=backing, offset=_OFFSET, y_inverted=inverted)
        self.changes = ChangeLog()
        self._data = self._random.integers(0, 256, bytes_needed(plane), np.uint8)
        self.file = os.memfd_create("screen")
        os.pwrite(self.file, self._data.tobytes(), 0)
        self._memory = bytearray(self._data)
        self.buffer: MemoryBuffer | FileBuffer | DmaBuffer
        if kind is FileBuffer:
            self.buffer = FileBuffer(os.dup(self.file), 0, len(self._memory), self.changes)
        elif kind is DmaBuffer:
            # It may be shortened, so it is never imported.
            self.buffer = DmaBuffer(os.dup(self.file), changes=self.changes)
        else:
            self.buffer = MemoryBuffer(self._memory, changes=self.changes)
        self.plane = plane
        # The same for all frames, as a source does it.
        self.surface = Surface(plane, self.buffer)

    @property
    def frame(self) -> Frame:
        """A new frame, as a source makes one for each message."""
        return Frame(OK, self.surface)

    def change(self, rect: DamagedRect) -> None:
        """Write random pixels into the rectangle, and note it."""
        plane, pixel_bytes = self.plane, format_of(self._fourcc).bytes_per_pixel
        part = rect.within(plane.width, plane.height)
        for y in range(part.y, part.y + part.height) if part is not None else ():
            assert part is not None
            row = plane.height - 1 - y if self._inverted else y
            start = _OFFSET + row * plane.stride + part.x * pixel_bytes
            pixels = self._random.integers(0, 256, part.width * pixel_bytes, np.uint8)
            self._data[start : start + pixels.size] = pixels
        self._memory[:] = self._data.tobytes()
        os.pwrite(self.file, self._data.tobytes(), 0)
        self.changes.note([rect])

    @property
    def picture(self) -> Bytes:
        """What it looks like, [height, width, 4], top row first."""
        plane, row_bytes = self.plane, format_of(self._fourcc).row_bytes(self.plane.width)
        rows = np.ndarray((plane.height, row_bytes), np.uint8, self._data, _OFFSET, (plane.stride, 1))
        return reference(rows[::-1] if self._inverted else rows, self._fourcc, plane.width)

    def close(self) -> None:
        self.buffer.release()
        os.close(self.file)


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    made: list[Screen] = []
    yield made
    for each in made:
        each.close()


def _shows(canvas: Canvas, screen: Screen) -> bool:
    return int(np.abs(canvas.read()[::-1, :, :3].astype(int) - screen.picture[..., :3]).max()) <= 1


def _random_rect(random: np.random.Generator, width: int, height: int) -> DamagedRect:
    """Mostly small and inside, sometimes with a part outside."""
    x, y = int(random.integers(-4, width)), int(random.integers(-4, height))
    return DamagedRect(x, y, int(random.integers(1, width // 2)), int(random.integers(1, height // 2)))


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("kind", "fourcc", "width", "height", "pad"),
    [
        (MemoryBuffer, drm.DRM_FORMAT_XRGB8888, 200, 90, 12),
        (FileBuffer, drm.DRM_FORMAT_XRGB8888, 200, 90, 0),
        # Rows that are so far apart that each is read alone.
        (FileBuffer, drm.DRM_FORMAT_XRGB8888, 400, 60, 12000),
        (DmaBuffer, drm.DRM_FORMAT_XBGR8888, 200, 90, 4),
        # Rows that OpenGL cannot step over.
        (FileBuffer, drm.DRM_FORMAT_RGB888, 201, 90, 1),
        (MemoryBuffer, drm.DRM_FORMAT_RGB565, 199, 90, 6),
        (FileBuffer, drm.DRM_FORMAT_XRGB1555, 199, 90, 0),
        # Two pixels are one texel.
        (MemoryBuffer, drm.DRM_FORMAT_YUYV, 200, 90, 8),
    ],
)
def test_picture_is_the_memory_after_any_changes(
    gl_context: Context,
    renderer: Renderer,
    screens: list[Screen],
    kind: type[MemoryBuffer | FileBuffer | DmaBuffer],
    fourcc: int,
    width: int,
    height: int,
    pad: int,
    inverted: bool,
) -> None:
    """Also if frames are left out, and if the guest flips to another buffer, which is in the same texture, and back."""
    random = np.random.default_rng([fourcc, pad, inverted])
    screens += [Screen(kind, fourcc, width, height, pad, inverted=inverted, seed=seed) for seed in range(2)]
    other = Renderer(gl_context)
    with window(gl_context, width, height) as (target, canvas):
        for _ in range(25):
            screen = screens[int(random.random() < 0.2)]
            for _ in range(random.integers(0, 4)):
                screen.change(_random_rect(random, width, height))
            if random.random() < 0.05:
                screen.changes.note_all()
            for each in (renderer, other):
                # A consumer may leave out frames that another one draws.
                if random.random() < 0.7:
                    each.draw(screen.frame, target)
                    assert _shows(canvas, screen)
    other.release()


def test_changes_are_uploaded_and_nothing_else(
    gl_context: Context, renderer: Renderer, uploads: Uploads, screens: list[Screen]
) -> None:
    width, height = 640, 400
    screen = Screen(FileBuffer, drm.DRM_FORMAT_XRGB8888, width, height)
    screens.append(screen)
    with window(gl_context, 64, 40) as (target, _):
        shown = screen.frame
        renderer.draw(shown, target)
        assert uploads.taken() == [(0, 0, width, height)], "everything at first"
        renderer.draw(shown, target)
        renderer.draw(screen.frame, target)
        assert uploads.taken() == [], "nothing if nothing changed"
        screen.change(DamagedRect(630, 390, 1 << 20, 1 << 20))
        screen.change(DamagedRect(-5, 2, 13, 16))
        renderer.draw(screen.frame, target)
        assert sorted(uploads.taken()) == [(0, 2, 8, 16), (630, 390, 10, 10)]
        screen.change(DamagedRect(width, 0, 10, 10))
        renderer.draw(screen.frame, target)
        assert uploads.taken() == [], "nothing if only what is outside changed"
        for _ in range(MOST_NOTES + 1):
            screen.change(DamagedRect(0, 0, 1, 1))
        renderer.draw(screen.frame, target)
        assert uploads.taken() == [(0, 0, width, height)], "everything after a gap"
        other = replace(screen.plane, height=height - 1)
        renderer.draw(Frame(OK, Surface(other, screen.buffer)), target)
        renderer.draw(screen.frame, target)
        assert uploads.taken() == [(0, 0, width, height - 1), (0, 0, width, height)], "everything of another layout"


def test_only_the_bytes_of_the_changed_rows_are_read(
    gl_context: Context, renderer: Renderer, screens: list[Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    preadv = os.preadv

    def count(fd: int, buffers: list[memoryview], offset: int) -> int:
        read.append(preadv(fd, buffers, offset))
        return read[-1]

    # The last one has rows so long that to read each alone costs less.
    normal, long = (Screen(FileBuffer, drm.DRM_FORMAT_XRGB8888, 300, 200, pad) for pad in (0, 20000))
    screens += (normal, long)
    monkeypatch.setattr(os, "preadv", count)
    with window(gl_context, 30, 20) as (target, _):
        for screen, expected in ((normal, [9 * 1200 + 40]), (long, [40] * 10)):
            renderer.draw(screen.frame, target)
            read.clear()
            screen.change(DamagedRect(100, 50, 10, 10))
            renderer.draw(screen.frame, target)
            assert read == expected


def test_file_that_was_shortened_is_told_and_read_again_later(
    gl_context: Context, renderer: Renderer, clock: Clock, screens: list[Screen]
) -> None:
    screen = Screen(FileBuffer, drm.DRM_FORMAT_XRGB8888, 160, 90)
    screens.append(screen)
    size = os.fstat(screen.file).st_size
    with window(gl_context, 160, 90) as (target, canvas):
        outcome = renderer.draw(screen.frame, target).primary
        assert outcome is not None and (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.OK)
        os.ftruncate(screen.file, size // 2)
        renderer.draw(screen.frame, target)
        assert _shows(canvas, screen), "nothing has changed, so nothing is read"
        screen.changes.note([DamagedRect(0, 0, 8, 8), DamagedRect(0, 80, 8, 8)])
        outcome = renderer.draw(screen.frame, target).primary
        assert outcome is not None and (outcome.path, outcome.status.reason) == (None, Reason.NOT_READABLE)
        assert "shortened" in outcome.status.detail and "tried again" in outcome.status.detail
        assert not canvas.read()[..., :3].any(), "the picture is black"
        retry = renderer.retry_ns
        assert retry is not None
        screen.change(DamagedRect(20, 20, 5, 5))
        assert os.fstat(screen.file).st_size == size
        clock.now = retry
        outcome = renderer.draw(screen.frame, target).primary
        assert outcome is not None and outcome.status.reason is Reason.OK
        assert _shows(canvas, screen)


def test_upload_that_failed_leaves_no_wrong_picture(
    gl_context: Context, renderer: Renderer, clock: Clock, screens: list[Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another buffer's pixels are in the texture then, and whose they are must not be taken from before."""
    screens += [Screen(MemoryBuffer, drm.DRM_FORMAT_XRGB8888, 160, 90, seed=seed) for seed in range(2)]
    first, second = screens
    with window(gl_context, 160, 90) as (target, canvas):
        renderer.draw(first.frame, target)
        gl, check = gl_context.gl, gl_context.gl.check

        def fail(operation: str) -> None:
            check(operation)
            if operation == "uploading":
                raise GlError(operation, (GL_OUT_OF_MEMORY,))

        monkeypatch.setattr(gl, "check", fail)
        outcome = renderer.draw(second.frame, target).primary
        assert outcome is not None and outcome.status.reason is Reason.UPLOAD_FAILED
        monkeypatch.setattr(gl, "check", check)
        for screen in (first, second, first):
            clock.now += SECOND
            renderer.draw(screen.frame, target)
            assert _shows(canvas, screen)


def test_change_during_the_upload_is_in_the_next_picture(
    gl_context: Context, renderer: Renderer, screens: list[Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guest does not wait for us: it draws and tells while we read."""
    screen = Screen(FileBuffer, drm.DRM_FORMAT_XRGB8888, 160, 90)
    screens.append(screen)
    check = gl_context.gl.check

    def draw_meanwhile(operation: str) -> None:
        check(operation)
        if operation == "uploading":
            monkeypatch.setattr(gl_context.gl, "check", check)
            screen.change(DamagedRect(0, 0, 160, 90))

    with window(gl_context, 160, 90) as (target, canvas):
        for _ in range(2):
            screen.change(DamagedRect(9, 9, 5, 5))
            monkeypatch.setattr(gl_context.gl, "check", draw_meanwhile)
            renderer.draw(screen.frame, target)
            assert not _shows(canvas, screen)
            renderer.draw(screen.frame, target)
            assert _shows(canvas, screen)


def test_pushed_source_is_uploaded_in_parts(gl_context: Context, renderer: Renderer, uploads: Uploads) -> None:
    """Its damage counts from the top, and its memory from the bottom row on."""
    random = np.random.default_rng(5)
    source, shown = PushedSource(), expected_picture(0, cursor=False)
    with window(gl_context, WIDTH, HEIGHT) as (target, canvas):
        renderer.draw(source.latest(), target)
        assert uploads.texels == WIDTH * HEIGHT + CURSOR * CURSOR
        for _ in range(30):
            uploads.taken()
            damage = [rect for _ in range(3) if (rect := _random_rect(random, WIDTH, HEIGHT).within(WIDTH, HEIGHT))]
            blocks = [random.integers(0, 256, (each.height, each.width, 3), np.uint8) for each in damage]
            for each, block in zip(damage, blocks, strict=True):
                shown[each.y : each.y + each.height, each.x : each.x + each.width] = block
            source.put(damage, blocks)
            renderer.draw(source.latest(), target)
            assert uploads.texels <= sum(each.area for each in damage) + 2 * 16384
            drawn = canvas.read()[::-1, :, :3]
            x, y = CURSOR_AT
            drawn[y : y + CURSOR, x : x + CURSOR] = shown[y : y + CURSOR, x : x + CURSOR]
            assert np.array_equal(drawn, shown)
        source.close()
        renderer.drop_released()
