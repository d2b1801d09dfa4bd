"""Surfaces over time: changed memory, released buffers, regions, cached textures."""

import mmap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.buffer import Buffer, DmaBuffer, Strips
from app.planes.change_log import ChangeLog
from app.planes.frame import Surface
from app.planes.outcome import PixelPath
from app.planes.plane import Backing
from app.planes.status import Reason, State
from gl.context import Context
from gl.debug import DebugLog
from gl.errors import GlError
from gl.renderer import Renderer
from gl.shared_parts import SharedParts
from gl.surface_cache import SurfaceCache
from tests.conftest import open_files
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, padded, plane_of, random_picture, random_rows, reference, window

XR24 = drm.DRM_FORMAT_XRGB8888


@pytest.mark.parametrize("path", [PixelPath.EGL_IMAGE, PixelPath.COPY])
def test_the_next_picture_has_what_the_guest_draws(
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    path: PixelPath,
) -> None:
    monkeypatch.setattr(importing_context, "imports_dma_bufs", path is PixelPath.EGL_IMAGE)
    surface = surfaces.picture(random_picture(32, 8))
    shown = frame(surface)
    renderer.capture(shown)
    for seed in (1, 2):
        rows = random_rows(XR24, 32, 8, seed)
        surfaces.overwrite(surface.buffer, rows)
        actual = renderer.capture(shown)
        assert actual is not None
        assert (actual[..., :3] == reference(rows, XR24, 32)[..., :3]).all()
    assert renderer.outcome(surface).path is path


@pytest.mark.parametrize("padding", [0, 64, 1])
def test_region_planes_are_read_in_place(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, padding: int
) -> None:
    rows = random_rows(XR24, 33, 8)
    stride = 33 * 4 + padding
    # Regions are whole pages. The bytes after the plane do not belong to it.
    data = np.full(2 * mmap.PAGESIZE, 0xEE, np.uint8)
    data[: stride * 7 + 33 * 4] = padded(rows, stride)
    buffer = surfaces.region(data)
    surface = Surface(plane_of(XR24, 33, 8, stride, backing=Backing.REGION), buffer)
    actual = renderer.capture(frame(surface))
    assert actual is not None
    assert (actual[..., :3] == reference(rows, XR24, 33)[..., :3]).all()
    outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.failures) == (PixelPath.REGION, ())
    assert outcome.status.state is State.SHOWING
    rows = random_rows(XR24, 33, 8, 1)
    surfaces.overwrite(buffer, padded(rows, stride))
    actual = renderer.capture(frame(surface))
    assert actual is not None
    assert (actual[..., :3] == reference(rows, XR24, 33)[..., :3]).all()


def test_a_cached_frame_takes_no_memory(
    importing_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory
) -> None:
    primaries = [surfaces.picture(random_picture(64, 64, seed)) for seed in range(3)]
    cursor = surfaces.cursor(random_picture(16, 16), (3, 4))
    frames = [frame(each, cursor) for each in primaries]
    with window(importing_context, 64, 64) as (target, _):
        first = [renderer.draw(each, target) for each in frames]
        before, files = Calls(calls), open_files()
        for each in [*frames, *frames, frames[0], frames[0]]:
            # Nothing in the result changed, so it is the same object.
            assert renderer.draw(each, target) is first[-1]
        assert calls.since(before).allocating() == {}
        assert calls.since(before)["DrawArrays"] == 2 * 8
        assert open_files() == files


def test_a_copied_frame_only_uploads(
    gl_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory
) -> None:
    buffer = surfaces.region(padded(random_rows(XR24, 64, 16), 256))
    shown = frame(Surface(plane_of(XR24, 64, 16, 256, backing=Backing.REGION), buffer))
    with window(gl_context, 64, 16) as (target, _):
        drawn = renderer.draw(shown, target)
        before = Calls(calls)
        for _ in range(3):
            assert renderer.draw(shown, target) is drawn
        assert calls.since(before).allocating() == {"TexSubImage2D": 3}


def test_forget_releases_memory_at_once(
    importing_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory
) -> None:
    """A dma-buf that is held after its VM ended keeps the device busy. Mesa would hold the one that it drew last."""
    files = open_files()
    surface = surfaces.picture(random_picture(32, 8))
    with window(importing_context, 8, 8) as (target, _):
        renderer.draw(frame(surface), target)
        surfaces.release()
        renderer.drop_released()
        assert open_files() == files
        assert calls.alive()["GenTextures"] == 2 + 1, "the canvas, and one pixel with its blank texture"
        assert "CreateImageKHR" not in calls.alive()
        renderer.draw(frame(None), target)


def test_a_new_buffer_makes_room(
    importing_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory
) -> None:
    kept = surfaces.picture(random_picture(32, 8))
    renderer.capture(frame(kept))
    for seed in range(5):
        surface = surfaces.picture(random_picture(32, 8, seed))
        assert isinstance(surface.buffer, DmaBuffer)
        with window(importing_context, 8, 8) as (target, _):
            renderer.draw(frame(surface), target)
        assert calls.alive()["CreateImageKHR"] <= 3
        surface.buffer.release()


def test_buffers_that_are_copied_share_a_texture(
    gl_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory
) -> None:
    """A guest that flips among many buffers takes the memory of one. Primary and cursor have one each."""
    monkeypatch.setattr(gl_context, "imports_dma_bufs", False)
    pictures = [random_picture(16, 16, seed) for seed in range(6)]
    cursors = [random_picture(16, 16, seed) for seed in range(6, 8)]
    lower = [surfaces.picture(each) for each in pictures]
    upper = [surfaces.cursor(each, (8, 0)) for each in cursors]
    with window(gl_context, 16, 16) as (target, canvas):
        for index in (0, 1, 2, 3, 4, 5, 0, 5, 5, 1):
            renderer.draw(frame(lower[index], upper[index % 2]), target)
            actual = canvas.read()[::-1]
            assert (actual[:, :8] == pictures[index][:, :8]).all()
            assert (actual[:, 8:] == cursors[index % 2][:, :8]).all()
        assert calls["TexStorage2D"] == 1 + 2, "the canvas, a primary and a cursor"
    surfaces.release()
    renderer.drop_released()
    assert calls.alive()["GenTextures"] == 2, "one pixel with its blank texture"


def test_one_buffer_with_another_layout(renderer: Renderer, gl_context: Context, surfaces: SurfaceFactory) -> None:
    """As after a mode switch in the same memory: the old texture is dropped."""
    buffer = surfaces.buffer(random_rows(XR24, 64, 64).reshape(-1))
    parts = SharedParts(gl_context)
    cache = SurfaceCache(gl_context, parts, time.monotonic_ns)
    wide, narrow = (Surface(plane_of(XR24, width, 16, width * 4), buffer) for width in (64, 32))
    cache.get(wide)
    cache.get(narrow)
    assert len(cache) == 2
    cache.prune(narrow)
    assert len(cache) == 1
    cache.release()
    assert len(cache) == 0
    parts.release()
    gl_context.sweep()


class LimitedBuffer:
    """A buffer that can be read ``reads`` times, and then fails."""

    def __init__(self, data: bytes, reads: int) -> None:
        self.serial = -1
        self.changes: ChangeLog | None = None
        self.size = len(data)
        self.released = False
        self.dmabuf_fd: int | None = None
        self.inode: int | None = None
        self.exporter: str | None = None
        self.may_vanish = False
        self._data = data
        self._reads = reads

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        self._reads -= 1
        if self._reads < 0:
            raise OSError(5, "Input/output error")
        with memoryview(self._data) as view:
            yield view[start : None if length is None else start + length]

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        with self.mapping(start) as memory:
            yield Strips(memory, distance, most)


def test_a_region_that_can_no_longer_be_read(gl_context: Context, renderer: Renderer) -> None:
    buffer: Buffer = LimitedBuffer(bytes(64 * 16), 2)
    shown = frame(Surface(plane_of(XR24, 16, 16, 64, backing=Backing.REGION), buffer))
    with window(gl_context, 8, 8) as (target, _):
        for _ in range(2):
            drawn = renderer.draw(shown, target)
            assert drawn.primary is not None and drawn.primary.path is PixelPath.REGION
        drawn = renderer.draw(shown, target)
        assert drawn.primary is not None and drawn.primary.path is None
        assert drawn.primary.status.reason is Reason.NOT_READABLE
        assert "Input/output error" in drawn.primary.status.detail
        assert drawn.placement is None
        assert renderer.draw(shown, target) is drawn


def test_an_error_that_others_left_is_not_the_planes(
    gl_context: Context, renderer: Renderer, gl_log: DebugLog, surfaces: SurfaceFactory
) -> None:
    buffer = surfaces.region(np.zeros(mmap.PAGESIZE, np.uint8))
    shown = frame(Surface(plane_of(XR24, 16, 16, 64, backing=Backing.REGION), buffer))
    gl_context.gl.Enable(0xDEAD)
    gl_log.messages.clear()
    assert shown.primary is not None
    assert renderer.outcome(shown.primary).status.reason is Reason.OK
    gl_context.gl.Enable(0xDEAD)
    gl_log.messages.clear()
    assert renderer.capture(shown) is not None


def test_an_error_of_opengl_does_not_stop_a_release(
    gl_context: Context, calls: Calls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    renderer = Renderer(gl_context)

    def fail(*_: object) -> None:
        raise GlError("storage for a texture", (0x0505,))

    monkeypatch.setattr("gl.probe_draw.new_texture", fail)
    with caplog.at_level("INFO"):
        renderer.drop_released()
        renderer.release()
    assert "GL_OUT_OF_MEMORY" in caplog.text


def test_a_buffer_whose_last_page_cannot_be_mapped(renderer: Renderer) -> None:
    """The kernel maps whole pages, and the plane may end after them. The missing bytes are black."""
    rows = random_rows(XR24, 16, 16)

    class ShortBuffer(LimitedBuffer):
        @contextmanager
        def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
            with super().mapping(start, length) as view:
                yield view[:1000]

    buffer: Buffer = ShortBuffer(rows.tobytes(), 9)
    actual = renderer.capture(frame(Surface(plane_of(XR24, 16, 16, 64, backing=Backing.REGION), buffer)))
    assert actual is not None
    expected = reference(rows, XR24, 16)
    expected.reshape(-1, 4)[250:, :3] = 0
    expected[..., 3] = 255
    assert (actual == expected).all()


def test_textures_released_in_another_thread_are_deleted_in_ours(
    gl_context: Context, calls: Calls, surfaces: SurfaceFactory
) -> None:
    renderer = Renderer(gl_context)
    renderer.capture(frame(surfaces.picture(random_picture(8, 8))))
    alive = calls.alive()["GenTextures"]
    cache = renderer._surfaces

    def drop() -> None:
        for entry in cache._entries.values():
            entry.release()
        gl_context.sweep()

    thread = threading.Thread(target=drop)
    thread.start()
    thread.join()
    assert calls.alive()["GenTextures"] == alive
    gl_context.sweep()
    # Where the buffer is not imported, it was the only one.
    assert calls.alive().get("GenTextures", 0) == alive - 1
    renderer.release()


def test_imports_are_counted_for_each_buffer_while_it_lives(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    first, second = surfaces.picture(random_picture(32, 8)), surfaces.picture(random_picture(32, 8, 1))
    for surface in (first, second, first, first):
        renderer.outcome(surface)
    assert dict(renderer.imports) == {first.buffer.serial: 1, second.buffer.serial: 1}
    other = Surface(replace(first.plane, width=16), first.buffer)
    renderer.outcome(other)
    assert renderer.imports[first.buffer.serial] == 2
    assert isinstance(second.buffer, DmaBuffer)
    second.buffer.release()
    renderer.drop_released()
    assert dict(renderer.imports) == {first.buffer.serial: 2}
