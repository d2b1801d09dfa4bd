"""What EGL imports is shown only if it has the pixels of the buffer. Else the state says why, and the copy is right."""

import ctypes
import fcntl
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer
from app.planes.frame import Surface
from app.planes.outcome import ImportMethod, PixelPath
from app.planes.plane import PlaneKind
from app.planes.status import Reason
from gl import egl_constants as const
from gl.canvas import Rgba
from gl.capture import CaptureKind
from gl.compositor import Image
from gl.context import Context
from gl.probe_draw import ProbeDraw
from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.gl.record import SurvivingRecord
from tests.gl.surfaces import SurfaceFactory, frame, plane_of, random_picture, random_rows, reference

XR24 = drm.DRM_FORMAT_XRGB8888
FORMATS = (
    XR24,
    drm.DRM_FORMAT_RGB565,
    drm.DRM_FORMAT_C8,
    drm.DRM_FORMAT_YUYV,
    drm.DRM_FORMAT_XRGB2101010,
    drm.DRM_FORMAT_ARGB1555,
    drm.DRM_FORMAT_ARGB8888,
)


def shows(renderer: Renderer, surface: Surface, rows: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    """Whether the drawn picture is what the CPU decodes; 10-bit and YUV may round another way."""
    drawn = renderer.capture(frame(surface), CaptureKind.PRIMARY)
    assert drawn is not None
    expected = reference(rows, surface.plane.fourcc, surface.plane.width)
    return bool((np.abs(drawn[..., :3].astype(int) - expected[..., :3]) <= 1).all())


# What this program met: llvmpipe ignored the stride of these, and sometimes ended in SIGSEGV.
HELD_BACK = """
import json, sys
from tests.attacks.test_import_proof import held_back
print(json.dumps(held_back(sys.argv[1])))
"""


def held_back(how: str) -> list[object]:
    """Draw a read-only or write-sealed buffer: path, reason, detail, and whether the picture is right."""
    from gl.context import SurfacelessContext  # noqa: PLC0415

    rows = random_rows(XR24, 1366, 768)
    fd = os.memfd_create("plane", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, rows.tobytes())
    seals = fcntl.F_SEAL_SHRINK | (fcntl.F_SEAL_WRITE if how == "sealed" else 0)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    buffer = DmaBuffer(os.open(f"/proc/self/fd/{fd}", os.O_RDONLY if how == "read-only" else os.O_RDWR))
    os.close(fd)
    surface = Surface(plane_of(XR24, 1366, 768, 1366 * 4), buffer)
    with SurfacelessContext(record=SurvivingRecord()) as context:
        renderer = Renderer(context)
        outcome = renderer.outcome(surface)
        right = shows(renderer, surface, rows)
        renderer.release()
    buffer.release()
    return [outcome.path and outcome.path.value, outcome.status.reason.key, outcome.status.detail, right]


@pytest.mark.parametrize(
    ("how", "evidence"), [("read-only", "this one is read-only"), ("sealed", "cannot map the buffer: EPERM")]
)
def test_a_buffer_that_nobody_may_write_is_copied_by_a_software_renderer(
    importing_context: Context, how: str, evidence: str
) -> None:
    command = [sys.executable, "-c", HELD_BACK, how]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, f"ended with {ended.returncode}: {ended.stderr}"
    path, reason, detail, right = json.loads(ended.stdout)
    assert (path, reason, right) == ("copy", "import-failed", True)
    assert evidence in detail


Lie = Callable[[dict[int, int]], None]


def change(attribute: int, by: int) -> Lie:
    def lie(attributes: dict[int, int]) -> None:
        attributes[attribute] += by

    return lie


def swap_channels(attributes: dict[int, int]) -> None:
    swapped = {
        drm.DRM_FORMAT_XRGB8888: drm.DRM_FORMAT_XBGR8888,
        drm.DRM_FORMAT_ABGR8888: drm.DRM_FORMAT_ARGB8888,
    }
    attributes[const.EGL_LINUX_DRM_FOURCC_EXT] = swapped[attributes[const.EGL_LINUX_DRM_FOURCC_EXT]]


def forget_the_tiling(attributes: dict[int, int]) -> None:
    attributes.pop(const.EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, None)
    attributes.pop(const.EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT, None)


@contextmanager
def lying(context: Context, monkeypatch: pytest.MonkeyPatch, lie: Lie) -> Iterator[None]:
    """A driver that makes images with other attributes than it was given."""
    create = context.egl.CreateImageKHR

    def create_another(display: int, current: int, target: int, buffer: int, address: int) -> int:
        attributes: dict[int, int] = {}
        values = ctypes.cast(address, ctypes.POINTER(ctypes.c_int32))
        index = 0
        while values[index] != const.EGL_NONE:
            attributes[values[index]] = values[index + 1]
            index += 2
        lie(attributes)
        flat = [number for pair in attributes.items() for number in pair]
        changed = (ctypes.c_int32 * (len(flat) + 1))(*flat, const.EGL_NONE)
        return int(create(display, current, target, buffer, ctypes.addressof(changed)))

    with monkeypatch.context() as patch:
        patch.setattr(context.egl, "CreateImageKHR", create_another)
        yield


@pytest.mark.parametrize("y_inverted", [False, True], ids=("upright", "inverted"))
@pytest.mark.parametrize(
    "lie",
    [
        change(const.EGL_DMA_BUF_PLANE0_PITCH_EXT, -4),
        change(const.EGL_DMA_BUF_PLANE0_OFFSET_EXT, 4),
        change(const.EGL_DMA_BUF_PLANE0_OFFSET_EXT, -64),
        change(const.EGL_WIDTH, -1),
        change(const.EGL_HEIGHT, -1),
        swap_channels,
    ],
    ids=("stride", "one pixel", "offset", "width", "height", "channels"),
)
def test_a_driver_that_takes_other_values_is_found_out(
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    lie: Lie,
    y_inverted: bool,
) -> None:
    rows = random_rows(XR24, 61, 33)
    surface = surfaces.surface(rows, XR24, 61, stride=256, offset=64, y_inverted=y_inverted)
    with lying(importing_context, monkeypatch, lie):
        outcome = renderer.outcome(surface)
    assert (outcome.path, outcome.status.reason) == (PixelPath.COPY, Reason.IMPORT_FAILED)
    assert [each.method for each in outcome.failures][:2] == [ImportMethod.EXPLICIT, ImportMethod.IMPLICIT]
    assert all("the image differs from the buffer in" in each.message for each in outcome.failures)
    assert shows(renderer, surface, rows)


def test_a_driver_that_ignores_the_tiling_is_found_out(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    monkeypatch.setattr(type(importing_context.display), "modifiers", lambda _self, _fourcc: ())
    # Two tiles in a row: the bytes of one are in the same order in both layouts.
    rows = random_rows(XR24, 256, 32)
    surface = surfaces.surface(rows, XR24, 256, modifier=drm.I915_FORMAT_MOD_X_TILED)
    with lying(importing_context, monkeypatch, forget_the_tiling):
        outcome = renderer.outcome(surface)
    assert outcome.path is PixelPath.COPY
    assert "the image differs from the buffer in" in outcome.failures[0].message
    assert shows(renderer, surface, rows)


@pytest.mark.parametrize("fourcc", FORMATS)
@pytest.mark.parametrize("kind", list(PlaneKind))
def test_a_true_import_is_not_held_back(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int, kind: PlaneKind
) -> None:
    """Odd strides, offsets and sizes; the proof decodes as the shaders do."""
    for width, height, pad, offset in ((1366, 5, 2, 0), (33, 1, 0, 17), (1, 1, 3, 0), (63, 2, 1, 5)):
        rows = random_rows(fourcc, width, height)
        stride = rows.shape[1] + pad
        surface = surfaces.surface(
            rows, fourcc, width, stride=stride, offset=offset, kind=kind, y_inverted=kind is PlaneKind.PRIMARY
        )
        outcome = renderer.outcome(surface)
        assert (outcome.path, outcome.status.reason) == (PixelPath.EGL_IMAGE, Reason.OK), outcome
        assert outcome.failures[1:] == ()
        assert shows(renderer, surface, rows)


def test_a_guest_that_draws_all_the_time_does_not_make_an_import_fail(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    surface = surfaces.picture(random_picture(640, 480))
    stop = threading.Event()
    numbers = np.random.default_rng(7)

    def draw() -> None:
        while not stop.is_set():
            surfaces.overwrite(surface.buffer, numbers.integers(0, 256, 640 * 480 * 4, np.uint8))

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for height in range(460, 480):
            outcome = renderer.outcome(Surface(plane_of(XR24, 640, height, 2560), surface.buffer))
            assert (outcome.path, outcome.failures) == (PixelPath.EGL_IMAGE, ())
    finally:
        stop.set()
        thread.join()


def test_a_guest_that_draws_between_two_reads_does_not_make_an_import_fail(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    surface = surfaces.picture(random_picture(64, 32))
    draw, seeds = ProbeDraw.rows, itertools.count(1)

    def draw_after_the_guest(probe: ProbeDraw, image: Image, numbers: tuple[int, ...]) -> Rgba:
        surfaces.overwrite(surface.buffer, random_rows(XR24, 64, 32, next(seeds)))
        return draw(probe, image, numbers)

    monkeypatch.setattr(ProbeDraw, "rows", draw_after_the_guest)
    outcome = renderer.outcome(surface)
    assert next(seeds) > 1
    assert (outcome.path, outcome.failures) == (PixelPath.EGL_IMAGE, ())


def test_too_little_memory_for_a_proof_is_no_error(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    surface = surfaces.picture(random_picture(64, 32))
    monkeypatch.setattr(np, "frombuffer", exhausted)
    outcome = renderer.outcome(surface)
    monkeypatch.undo()
    assert (outcome.path, outcome.failures) == (PixelPath.EGL_IMAGE, ())


def test_a_proof_reads_few_rows_and_only_once(
    importing_context: Context, renderer: Renderer, calls: Calls, surfaces: SurfaceFactory
) -> None:
    surface = surfaces.picture(random_picture(64, 2160))
    renderer.outcome(surface)
    first = Calls(calls)
    assert first["ReadPixels"] == 2, "one pixel, and the rows"
    for _ in range(3):
        renderer.outcome(surface)
    assert calls.since(first)["ReadPixels"] == 0


def test_a_wrong_stride_shows_in_the_few_rows_that_have_a_picture(
    importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    """A console with two lines of text on black: elsewhere nothing tells one row from another."""
    picture = np.zeros((768, 1366, 4), np.uint8)
    picture[200:232, 8:200] = random_picture(192, 32)
    surface = surfaces.picture(picture)
    with lying(importing_context, monkeypatch, change(const.EGL_DMA_BUF_PLANE0_PITCH_EXT, -8)):
        outcome = renderer.outcome(surface)
    assert outcome.path is PixelPath.COPY
    assert "in row 2" in outcome.failures[0].message


class PartlyMapped(DmaBuffer):
    """A dma-buf whose exporter does not map the last, partial page (mbochs)."""

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        with super().mapping(start, length) as view, view[: len(view) // 4096 * 4096] as whole_pages:
            yield whole_pages


@pytest.mark.parametrize("y_inverted", [False, True], ids=("upright", "inverted"))
def test_what_the_exporter_maps_is_compared(
    importing_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    y_inverted: bool,
) -> None:
    whole = surfaces.picture(random_picture(64, 40), y_inverted=y_inverted)
    assert whole.buffer.dmabuf_fd is not None
    buffer = PartlyMapped(os.dup(whole.buffer.dmabuf_fd))
    assert buffer.size % 4096
    try:
        with lying(importing_context, monkeypatch, change(const.EGL_DMA_BUF_PLANE0_PITCH_EXT, -4)):
            outcome = renderer.outcome(Surface(whole.plane, buffer))
        assert outcome.path is PixelPath.COPY
        assert "the image differs from the buffer in" in outcome.failures[0].message
    finally:
        buffer.release()


def test_an_import_of_which_no_whole_row_is_mapped_needs_no_proof(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    whole = surfaces.picture(random_picture(1200, 1))
    assert whole.buffer.dmabuf_fd is not None
    buffer = PartlyMapped(os.dup(whole.buffer.dmabuf_fd))
    try:
        outcome = renderer.outcome(Surface(whole.plane, buffer))
        assert (outcome.path, outcome.failures) == (PixelPath.EGL_IMAGE, ())
    finally:
        buffer.release()
