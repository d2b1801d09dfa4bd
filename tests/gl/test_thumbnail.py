"""Thumbnails: small pictures that stay when the buffers go, drawn by programs that all of them share."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.abi.drm_fourcc import DRM_FORMAT_XRGB8888 as XR24
from app.planes.frame import Frame, Surface
from app.planes.status import Reason, Status
from gl import api
from gl.canvas import Canvas, Rgba
from gl.context import Context
from gl.errors import GlError
from gl.thumbnail import Thumbnail, Thumbnails
from tests.conftest import open_files
from tests.gl.counting import Calls
from tests.gl.failing import Clock
from tests.gl.surfaces import SurfaceFactory, plane_of, surface_factory

_BLACK = (0.0, 0.0, 0.0)


@pytest.fixture
def thumbnails(gl_context: Context, calls: Calls, clock: Clock) -> Iterator[Thumbnails]:
    thumbnails = Thumbnails(gl_context, clock)
    yield thumbnails
    thumbnails.release()
    thumbnails.release()


def _frame(surfaces: SurfaceFactory, rows: Rgba) -> Frame:
    """A frame of these pixels in the order blue, green, red, unused."""
    height, width, _ = rows.shape
    buffer = surfaces.buffer(rows.reshape(-1))
    return Frame(Status(Reason.OK), Surface(plane_of(XR24, width, height, width * 4), buffer))


def _bands(width: int, height: int) -> Rgba:
    """Upper half red, lower half blue; every second column is darker, so that a filter that skips columns shows it."""
    rows = np.zeros((height, width, 4), np.uint8)
    rows[: height // 2, :, 2] = 200
    rows[height // 2 :, :, 0] = 200
    rows[:, 1::2] //= 2
    return rows


def _shown(context: Context, picture: Thumbnail, width: int, height: int) -> Rgba:
    """What is seen of a thumbnail in a target that is larger by 2 pixels on each side, top row first."""
    canvas = Canvas(context, width + 4, height + 4)
    try:
        context.gl.BindFramebuffer(api.GL_FRAMEBUFFER, canvas.framebuffer)
        context.gl.ClearColor(0.0, 1.0, 0.0, 1.0)
        context.gl.Clear(api.GL_COLOR_BUFFER_BIT)
        picture.show(canvas.framebuffer, 2, 2, width, height)
        return canvas.read()[::-1]
    finally:
        canvas.release()


@pytest.mark.parametrize("factor", [1, 2, 8])
def test_thumbnail_is_the_whole_picture_smaller(
    gl_context: Context, thumbnails: Thumbnails, surfaces: SurfaceFactory, factor: int
) -> None:
    picture = thumbnails.add()
    picture.draw(_frame(surfaces, _bands(64 * factor, 32 * factor)), 64, 32, _BLACK)
    seen = _shown(gl_context, picture, 64, 32)
    assert (seen[:2] == (0, 255, 0, 255)).all() and (seen[:, -2:] == (0, 255, 0, 255)).all(), "nothing around it"
    inside = seen[2:-2, 2:-2].astype(int)
    upper, lower = inside[:15], inside[17:]
    if factor == 1:
        assert set(np.unique(upper[..., 0])) == {100, 200}
    else:
        # Both columns count: their mean is 150.
        assert (abs(upper[..., 0] - 150) <= 3).all()
        assert (abs(lower[..., 2] - 150) <= 3).all()
    assert (upper[..., 2] == 0).all() and (lower[..., 0] == 0).all(), "it is not upside down"
    picture.release()


def test_another_shape_is_in_the_middle_over_the_background(
    gl_context: Context, thumbnails: Thumbnails, surfaces: SurfaceFactory
) -> None:
    picture = thumbnails.add()
    picture.draw(_frame(surfaces, np.full((32, 32, 4), 255, np.uint8)), 64, 32, (1.0, 0.0, 0.0))
    seen = _shown(gl_context, picture, 64, 32)[2:-2, 2:-2]
    assert (seen[:, :16] == (255, 0, 0, 255)).all() and (seen[:, 48:] == (255, 0, 0, 255)).all()
    assert (seen[:, 16:48] == 255).all()
    picture.release()


def test_picture_stays_when_the_buffers_are_released_and_nothing_of_them_does(
    gl_context: Context, thumbnails: Thumbnails, surfaces: SurfaceFactory, calls: Calls
) -> None:
    """As when a VM ends: its last picture may be shown, but its memory must not be in use."""
    frame = _frame(surfaces, _bands(64, 32))
    picture = thumbnails.add()
    picture.draw(frame, 64, 32, _BLACK)
    before = _shown(gl_context, picture, 64, 32)
    textures = calls.alive()["GenTextures"]
    assert frame.primary is not None
    frame.primary.buffer.release()  # type: ignore[attr-defined]
    picture.drop_released()
    assert (_shown(gl_context, picture, 64, 32) == before).all()
    # One less for the buffer; releasing it for certain takes the test draw's canvas and blank texture.
    assert calls.alive()["GenTextures"] <= textures - 1 + 2
    picture.forget()
    assert (_shown(gl_context, picture, 64, 32) == (0, 255, 0, 255)).all()
    picture.release()


def test_plane_that_cannot_be_shown_leaves_the_picture_before(
    gl_context: Context, thumbnails: Thumbnails, surfaces: SurfaceFactory
) -> None:
    good = _frame(surfaces, _bands(64, 32))
    assert good.primary is not None
    unknown = Frame(Status(Reason.OK), Surface(plane_of(0x20202020, 64, 32, 256), good.primary.buffer))
    picture = thumbnails.add()
    result = picture.draw(unknown, 64, 32, _BLACK)
    assert result.placement is None
    picture.draw(good, 64, 32, _BLACK)
    before = _shown(gl_context, picture, 64, 32)
    picture.draw(unknown, 64, 32, _BLACK)
    assert picture.drawn
    assert (_shown(gl_context, picture, 64, 32) == before).all()
    picture.release()


def test_sixteen_thumbnails_need_the_programs_of_one(
    thumbnails: Thumbnails, surfaces: SurfaceFactory, calls: Calls
) -> None:
    pictures = [thumbnails.add() for _ in range(16)]
    pictures[0].draw(_frame(surfaces, _bands(64, 32)), 64, 32, _BLACK)
    programs = calls["CreateProgram"]
    for each in pictures[1:]:
        each.draw(_frame(surfaces, _bands(64, 32)), 64, 32, _BLACK)
    assert calls["CreateProgram"] == programs
    # The end of one takes nothing from the others.
    pictures[0].release()
    pictures[0].release()
    pictures[1].draw(_frame(surfaces, _bands(32, 32)), 64, 32, _BLACK)
    for each in pictures:
        each.release()


def test_picture_again_and_again_makes_nothing_new(
    thumbnails: Thumbnails, surfaces: SurfaceFactory, calls: Calls
) -> None:
    frames = [_frame(surfaces, _bands(512, 256)) for _ in range(2)]
    picture = thumbnails.add()
    for each in frames:
        picture.draw(each, 64, 32, _BLACK)
    made = calls["GenTextures"], calls["GenFramebuffers"]
    for index in range(20):
        picture.draw(frames[index % 2], 64, 32, _BLACK)
    assert (calls["GenTextures"], calls["GenFramebuffers"]) == made
    picture.release()


def test_thumbnail_of_no_size_is_an_error_and_leaves_nothing(
    thumbnails: Thumbnails, surfaces: SurfaceFactory, gl_log: object
) -> None:
    picture = thumbnails.add()
    with pytest.raises(GlError):
        picture.draw(_frame(surfaces, _bands(64, 32)), 1 << 20, 1 << 20, _BLACK)
    assert not picture.drawn
    gl_log.messages.clear()  # type: ignore[attr-defined]
    picture.release()


def test_no_buffer_stays_in_use_when_thumbnails_end(gl_context: Context, calls: Calls) -> None:
    """Copies make llvmpipe use a second scene, which must not keep a guest's buffer. Often enough to be sure."""
    for _ in range(60):
        thumbnails = Thumbnails(gl_context)
        with surface_factory() as surfaces:
            good = _frame(surfaces, _bands(64, 32))
            assert good.primary is not None
            unknown = Frame(Status(Reason.OK), Surface(plane_of(0x20202020, 64, 32, 256), good.primary.buffer))
            picture = thumbnails.add()
            for each in (good, unknown):
                picture.draw(each, 64, 32, _BLACK)
                _shown(gl_context, picture, 64, 32)
            picture.release()
        thumbnails.release()
        assert open_files()["/memfd:plane (deleted)"] == 0
