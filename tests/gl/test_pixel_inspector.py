"""What a plane holds at one pixel, and who says so."""

import pytest

from app.abi import drm_fourcc as drm
from app.formats.pixel_value import ChannelValue, PixelValue
from app.planes.frame import Surface
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.pixel_inspector import PixelInspector
from gl.renderer import Renderer
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, random_rows, window

_SIZE = (20, 12)
_OPTIONS = DrawOptions()


def test_the_bytes_come_from_the_buffer_and_else_the_colours_from_the_gpu(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an exporter that forbids the CPU's access: it is not asked again and again."""
    rows = random_rows(drm.DRM_FORMAT_RGB565, *_SIZE)
    primary = surfaces.surface(rows, drm.DRM_FORMAT_RGB565, _SIZE[0])
    other = surfaces.surface(rows, drm.DRM_FORMAT_RGB565, _SIZE[0])
    asked: list[Surface] = []

    def refuse(surface: Surface, _x: int, _y: int) -> PixelValue:
        asked.append(surface)
        raise PermissionError(13, "refused")

    with window(gl_context, *_SIZE) as (target, _):
        renderer.draw(frame(primary), target)
        inspector = PixelInspector(renderer)
        value = inspector.value(primary, _OPTIONS, 7, 3)
        assert value is not None and value.raw == rows[3, 14:16].tobytes()
        assert [each.bits for each in value.channels] == [5, 6, 5]
        assert inspector.value(primary, _OPTIONS, 20, 3) is None and inspector.value(primary, _OPTIONS, 0, -1) is None
        monkeypatch.setattr("gl.pixel_inspector.read_pixel", refuse)
        for _ in range(3):
            seen = inspector.value(primary, _OPTIONS, 7, 3)
            assert seen is not None and seen.raw is None
            widened = [round(each.value * 255 / ((1 << each.bits) - 1)) for each in value.channels]
            assert seen.channels == tuple(ChannelValue(*each, 8) for each in zip("RGB", widened, strict=True))
        assert asked == [primary]
        renderer.draw(frame(other), target)
        assert inspector.value(other, _OPTIONS, 0, 0) is not None and asked == [primary, other]
        inspector.release()


def test_a_cursor_has_its_alpha_and_what_was_not_drawn_has_no_value(
    gl_context: Context, renderer: Renderer, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_surface: Surface, _x: int, _y: int) -> PixelValue:
        raise ValueError("the layout is not known")

    monkeypatch.setattr("gl.pixel_inspector.read_pixel", refuse)
    cursor = surfaces.cursor(random_picture(4, 4), (3, 3))
    primary = surfaces.picture(random_picture(*_SIZE))
    with window(gl_context, *_SIZE) as (target, _):
        inspector = PixelInspector(renderer)
        renderer.draw(frame(primary), target)
        assert inspector.value(cursor, _OPTIONS, 1, 1) is None
        renderer.draw(frame(primary, cursor), target)
        value = inspector.value(cursor, _OPTIONS, 1, 1)
        assert value is not None and [each.name for each in value.channels] == ["R", "G", "B", "A"]
        assert value.channels[3].value == 255
        inspector.release()
