"""Thumbnails of the buffers in a renderer's cache."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from gl import api
from gl.buffer_thumbnail import BufferThumbnail
from gl.canvas import Canvas, Rgba
from gl.context import Context
from gl.errors import GL_OUT_OF_MEMORY, GlError
from gl.renderer import Renderer
from tests.conftest import open_files
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, surface_factory, window

_WIDTH, _HEIGHT = 96, 60
_PATIENCE_S = 20.0


@pytest.fixture
def thumbnail(renderer: Renderer) -> Iterator[BufferThumbnail]:
    thumbnail = renderer.buffer_thumbnail(_WIDTH, _HEIGHT)
    yield thumbnail
    thumbnail.release()
    thumbnail.release()


def taken(thumbnail: BufferThumbnail) -> Rgba:
    """The thumbnail, as soon as the GPU has finished it."""
    end = time.monotonic() + _PATIENCE_S
    while (pixels := thumbnail.take()) is None:
        assert time.monotonic() < end, "the GPU has not finished it"
    return pixels


def test_thumbnail_is_the_whole_buffer_smaller_and_upright(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, thumbnail: BufferThumbnail
) -> None:
    rgba = np.zeros((600, 960, 4), np.uint8)
    rgba[:300, :, 0], rgba[300:, :, 2] = 200, 200
    # A filter that skips columns shows only one of the two.
    rgba[:, 1::2] //= 2
    surface = surfaces.picture(rgba)
    with window(gl_context, 64, 64) as (target, _):
        renderer.draw(frame(surface), target)
    image = renderer.cached_image(surface.buffer.serial)
    assert image is not None
    assert thumbnail.take() is None
    thumbnail.start(image, opaque=True)
    pixels = taken(thumbnail).astype(int)
    assert pixels.shape == (_HEIGHT, _WIDTH, 4)
    assert (abs(pixels[:29, :, 0] - 150) <= 5).all() and (pixels[:29, :, 2] == 0).all()
    assert (abs(pixels[31:, :, 2] - 150) <= 5).all() and (pixels[31:, :, 0] == 0).all()
    assert (pixels[..., 3] == 255).all()
    assert thumbnail.take() is None, "it is taken once"


def test_thumbnail_of_another_shape_has_nothing_around_it(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, thumbnail: BufferThumbnail
) -> None:
    surface = surfaces.picture(np.full((600, 600, 4), 255, np.uint8))
    with window(gl_context, 64, 64) as (target, _):
        renderer.draw(frame(surface), target)
    image = renderer.cached_image(surface.buffer.serial)
    assert image is not None
    thumbnail.start(image, opaque=True)
    pixels = taken(thumbnail)
    assert (pixels[:, :17] == 0).all() and (pixels[:, -17:] == 0).all() and (pixels[:, 19:-19] == 255).all()


def test_only_a_cursor_has_alpha(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, thumbnail: BufferThumbnail
) -> None:
    primary = surfaces.picture(random_picture(64, 64))
    cursor = surfaces.cursor(np.full((60, 96, 4), (0, 128, 0, 128), np.uint8), (0, 0))
    with window(gl_context, 64, 64) as (target, _):
        renderer.draw(frame(primary, cursor), target)
    image = renderer.cached_image(cursor.buffer.serial)
    assert image is not None
    for opaque, alpha in ((False, 128), (True, 255)):
        thumbnail.start(image, opaque=opaque)
        assert tuple(taken(thumbnail)[30, 48]) == (0, 128, 0, alpha)


@pytest.mark.usefixtures("importing_context")
def test_nothing_is_loaded_for_a_thumbnail_and_a_released_buffer_has_none(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, thumbnail: BufferThumbnail, calls: Calls
) -> None:
    shown, other = (surfaces.picture(np.full((64, 64, 4), 255, np.uint8)) for _ in range(2))
    with window(gl_context, 64, 64) as (target, canvas):
        renderer.draw(frame(shown), target)
        before = canvas.read()
        assert renderer.cached_image(other.buffer.serial) is None
        image = renderer.cached_image(shown.buffer.serial)
        assert image is not None
        thumbnail.start(image, opaque=True)
        taken(thumbnail)
        earlier = calls.copy()
        thumbnail.start(image, opaque=True)
        assert gl_context.gl.integer(api.GL_FRAMEBUFFER_BINDING) == target.framebuffer
        taken(thumbnail)
        assert set(calls.since(earlier).allocating()) == {"ReadPixels"}
        earlier = calls.copy()
        renderer.draw(frame(shown), target)
        assert not calls.since(earlier).allocating(), "the picture is drawn from what was prepared"
        assert np.array_equal(canvas.read(), before)
    surfaces.release()
    assert renderer.cached_image(shown.buffer.serial) is None
    renderer.drop_released()
    assert open_files()["/memfd:plane (deleted)"] == 0, "the driver keeps the buffer"


def test_thumbnail_without_memory_for_all_its_parts_fails_each_time_and_leaves_nothing(
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    thumbnail: BufferThumbnail,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    surface = surfaces.picture(random_picture(64, 64))
    with window(gl_context, 64, 64) as (target, _):
        renderer.draw(frame(surface), target)
    image = renderer.cached_image(surface.buffer.serial)
    assert image is not None

    def canvas(context: Context, width: int, height: int) -> Canvas:
        if width == _WIDTH:
            raise GlError("glTexStorage2D", (GL_OUT_OF_MEMORY,))
        return Canvas(context, width, height)

    with monkeypatch.context() as patch:
        patch.setattr("gl.buffer_thumbnail.Canvas", canvas)
        for _ in range(2):
            # The second call must not read the pixels with half of the parts: that ended the program.
            with pytest.raises(GlError):
                thumbnail.start(image, opaque=True)
            assert thumbnail.take() is None
    thumbnail.start(image, opaque=True)
    assert taken(thumbnail).shape == (_HEIGHT, _WIDTH, 4)


def test_no_buffer_stays_in_use_when_it_had_a_thumbnail(
    gl_context: Context, renderer: Renderer, thumbnail: BufferThumbnail
) -> None:
    """Copies make llvmpipe use a second scene, which must not keep a guest's buffer. Often enough to be sure."""
    with window(gl_context, 64, 64) as (target, _):
        for _ in range(30):
            with surface_factory() as surfaces:
                shown = surfaces.picture(np.full((64, 64, 4), 255, np.uint8))
                renderer.draw(frame(shown), target)
                image = renderer.cached_image(shown.buffer.serial)
                assert image is not None
                thumbnail.start(image, opaque=True)
            renderer.drop_released()
            assert open_files()["/memfd:plane (deleted)"] == 0
