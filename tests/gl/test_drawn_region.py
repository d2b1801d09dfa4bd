"""Looks at a region by a draw: exactly its pixels, in every kind of buffer."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.picture_region import PictureRegion
from app.planes.plane import Backing
from gl.context import Context
from gl.drawn_region import DrawnRegionLooks
from gl.region_looks import RegionLooks
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, random_rows

_WIDTH, _HEIGHT = 24, 18
_REGION = PictureRegion(5, 3, 7, 4)


@pytest.fixture
def looks(renderer: Renderer) -> Iterator[DrawnRegionLooks]:
    looks = DrawnRegionLooks(renderer)
    yield looks
    looks.release()
    looks.release()


@pytest.mark.parametrize("backing", list(Backing))
@pytest.mark.parametrize("inverted", [False, True])
def test_exactly_the_pixels_of_the_region_count(
    importing_context: Context, looks: DrawnRegionLooks, surfaces: SurfaceFactory, backing: Backing, inverted: bool
) -> None:
    picture = random_picture(_WIDTH, _HEIGHT)
    surface = surfaces.picture(picture, backing=backing, y_inverted=inverted)
    assert not looks.changed(surface, _REGION)
    edges = ((5, 3), (11, 6), (4, 3), (12, 6), (5, 2), (11, 7), (5, 6), (11, 3))
    for x, y in edges:
        picture[y, x, :3] ^= 0xFF
        bgrx = picture[..., [2, 1, 0, 3]]
        surfaces.overwrite(surface.buffer, np.ascontiguousarray(bgrx[::-1] if inverted else bgrx))
        inside = 5 <= x < 12 and 3 <= y < 7
        assert looks.changed(surface, _REGION) == inside, (x, y)
        assert not looks.changed(surface, _REGION)


def test_same_pixels_in_another_buffer_are_no_change(
    gl_context: Context, looks: DrawnRegionLooks, surfaces: SurfaceFactory
) -> None:
    picture = random_picture(_WIDTH, _HEIGHT)
    assert not looks.changed(surfaces.picture(picture), _REGION)
    assert not looks.changed(surfaces.picture(picture), _REGION)
    assert looks.changed(surfaces.picture(picture[:, :20]), _REGION), "another size"
    assert looks.changed(surfaces.picture(random_picture(20, _HEIGHT, 1)), _REGION)


def test_draws_between_looks_are_right(
    gl_context: Context, renderer: Renderer, looks: DrawnRegionLooks, surfaces: SurfaceFactory, target: RenderTarget
) -> None:
    surface = surfaces.picture(random_picture(_WIDTH, _HEIGHT))
    for _ in range(3):
        assert not looks.changed(surface, _REGION)
        drawn = renderer.draw(frame(surface), target)
        assert drawn.placement is not None


def test_plane_that_cannot_be_drawn_is_an_error(
    gl_context: Context, looks: DrawnRegionLooks, surfaces: SurfaceFactory
) -> None:
    surface = surfaces.picture(random_picture(_WIDTH, _HEIGHT))
    surfaces.release()
    with pytest.raises(ValueError, match="cannot be drawn"):
        looks.changed(surface, _REGION)


def test_tiled_plane_is_looked_at_by_the_gpu_and_a_dark_screen_is_a_change(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    looks = RegionLooks(renderer, _REGION)
    linear = surfaces.picture(random_picture(_WIDTH, _HEIGHT))
    assert [looks.changed(each) for each in (linear, None, None, linear, linear)] == [False, True, False, True, False]
    assert looks.path == "mapping"
    rows = random_rows(drm.DRM_FORMAT_XRGB8888, _WIDTH, _HEIGHT)
    tiled = surfaces.surface(
        rows, drm.DRM_FORMAT_XRGB8888, _WIDTH, stride=512, modifier=drm.I915_FORMAT_MOD_X_TILED, backing=Backing.MEMORY
    )
    assert [looks.changed(tiled) for _ in range(2)] == [False, False]
    assert looks.path == "gpu"
    looks.release()
