"""The view of what changed: for flips, damage, and drawing into the buffer on the screen."""

from dataclasses import replace

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.damage import DamagedRect
from app.planes.frame import Frame, Surface
from app.planes.placement import Rotation
from app.planes.plane import Backing
from gl.context import Context
from gl.draw_options import DrawOptions, View
from gl.renderer import Renderer
from tests.gl.failing import Clock
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, random_picture, random_rows, reference, window
from tests.gl.test_views import DIFFERENCE, SIZE, cursor_pixels, drawn, paths

ARGB1555, XRGB8888 = drm.DRM_FORMAT_ARGB1555, drm.DRM_FORMAT_XRGB8888
RGB565, YUYV, X_TILED = drm.DRM_FORMAT_RGB565, drm.DRM_FORMAT_YUYV, drm.I915_FORMAT_MOD_X_TILED


def with_rows(picture: Bytes) -> Bytes:
    return np.ascontiguousarray(picture[..., [2, 1, 0, 3]]).reshape(picture.shape[0], -1)


@paths
def test_the_difference_of_flips_is_amplified(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
    backing: Backing,
    imports: bool,
) -> None:
    monkeypatch.setattr(importing_context, "imports_dma_bufs", imports)
    pictures = [random_picture(*SIZE, seed) // 8 + 100 * (seed % 2) for seed in range(3)]
    pictures[1] = np.minimum(pictures[0] + np.arange(SIZE[0])[:, np.newaxis] % 40, 255).astype(np.uint8)
    frames = [frame(surfaces.picture(each, backing=backing)) for each in pictures]
    with window(importing_context, *SIZE) as (target, canvas):

        def seen(shown: Frame) -> Bytes:
            renderer.draw(shown, target, DIFFERENCE)
            return canvas.read()[::-1, :, :3]

        assert not seen(frames[0]).any(), "the first frame has none before it"
        for before, now in ((0, 1), (1, 2), (2, 1), (1, 0), (0, 2)):
            difference = np.abs(pictures[now][..., :3].astype(int) - pictures[before][..., :3])
            # Drawn again, for example below a notice, it still shows what changed.
            for _ in range(2):
                assert (seen(frames[now]) == np.minimum(difference * 8, 255)).all()


@pytest.mark.parametrize("fourcc", [YUYV, RGB565, ARGB1555])
def test_the_difference_of_decoded_formats_turned_and_mirrored(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, fourcc: int
) -> None:
    rows = [random_rows(fourcc, *SIZE, seed) for seed in range(2)]
    first, second = (frame(surfaces.surface(each, fourcc, SIZE[0], y_inverted=True)) for each in rows)
    options = DrawOptions(view=View.DIFFERENCE, rotation=Rotation.RIGHT, flip_x=True)
    drawn(importing_context, renderer, first, options, SIZE[::-1])
    seen = drawn(importing_context, renderer, second, options, SIZE[::-1])
    before, now = (reference(each, fourcc, SIZE[0])[..., :3].astype(int) for each in rows)
    expected = np.rot90(np.minimum(np.abs(now - before) * 8, 255), -1)[:, ::-1]
    # Each of both may be off by one.
    assert np.abs(seen - expected).max() <= 8 * 2


def test_a_cursor_that_moves_does_not_hide_what_the_guest_drew(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    first, second = (surfaces.picture(random_picture(*SIZE, seed)) for seed in range(2))
    cursor = surfaces.cursor(cursor_pixels(), (2, 3))
    drawn(gl_context, renderer, frame(first, cursor), DIFFERENCE)
    seen = drawn(gl_context, renderer, frame(second, cursor, serial=1), DIFFERENCE)
    moved = frame(second, Surface(replace(cursor.plane, x=30, y=20), cursor.buffer), serial=2)
    assert (drawn(gl_context, renderer, moved, DIFFERENCE) == seen).all() and seen.any()


def test_a_source_that_tells_damage_has_its_difference_without_a_look(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    picture = random_picture(*SIZE) // 2
    primary = surfaces.picture(picture, backing=Backing.MEMORY)
    for serial in range(1, 4):
        shown = replace(frame(primary, serial=serial), damage=(DamagedRect(0, 0, *SIZE),))
        seen = drawn(gl_context, renderer, shown, DIFFERENCE)
        assert (seen[..., 2] == (8 * serial if serial > 1 else 0)).all() and not seen[..., :2].any()
        picture = picture + np.array([0, 0, serial + 1, 0], np.uint8)
        surfaces.overwrite(primary.buffer, with_rows(picture).reshape(-1))


@pytest.mark.parametrize("rows", [slice(None), slice(13, 14)], ids=["whole", "row"])
@pytest.mark.parametrize("backing", [Backing.DMABUF, Backing.REGION])
def test_the_difference_of_drawing_into_the_buffer_on_the_screen(
    importing_context: Context,
    renderer: Renderer,
    clock: Clock,
    surfaces: SurfaceFactory,
    backing: Backing,
    rows: slice,
) -> None:
    """One change is shown until the next one, although each of eight looks sees another part of it or nothing."""
    picture = random_picture(*SIZE) // 2
    shown = frame(surfaces.picture(picture, backing=backing))
    assert shown.primary is not None

    def looked() -> Bytes:
        for _ in range(8):
            # The display asks for a picture before the change is seen, and after.
            drawn(importing_context, renderer, shown, DIFFERENCE)
            clock.now += 10_000_000
            renderer.look(shown)
        return drawn(importing_context, renderer, shown, DIFFERENCE)

    assert not looked().any()
    for step in (3, 5):
        picture = picture.copy()
        picture[rows, :, 0] += step
        surfaces.overwrite(shown.primary.buffer, with_rows(picture).reshape(-1))
        expected = np.zeros((SIZE[1], SIZE[0], 3), np.int16)
        expected[rows, :, 0] = 8 * step
        assert (looked() == expected).all()


def test_another_size_or_format_shows_no_difference_once(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    def surface(seed: int, fourcc: int = XRGB8888, size: tuple[int, int] = SIZE, modifier: int = 0) -> Surface:
        return surfaces.surface(random_rows(fourcc, *size, seed), fourcc, size[0], modifier=modifier)

    other = (64, 20)
    changes = [
        (surface(0), surface(1)),
        (surface(2, size=other), surface(3, size=other)),
        (surface(4, RGB565), surface(5, RGB565)),
        (surface(6, size=(128, 8), modifier=X_TILED), surface(7, size=(128, 8), modifier=X_TILED)),
        (surface(8, size=(128, 8)), surface(9, size=(128, 8))),
    ]
    for first, second in changes:
        assert not drawn(importing_context, renderer, frame(first), DIFFERENCE).any()
        assert drawn(importing_context, renderer, frame(second), DIFFERENCE).any()


def test_after_another_view_the_difference_begins_anew(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    first, second = (frame(surfaces.picture(random_picture(*SIZE, seed))) for seed in range(2))
    drawn(gl_context, renderer, first, DIFFERENCE)
    normal = drawn(gl_context, renderer, second, DrawOptions())
    assert (normal == random_picture(*SIZE, 1)[..., :3]).all()
    assert not drawn(gl_context, renderer, first, DIFFERENCE).any()
