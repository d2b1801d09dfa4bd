"""A cursor whose colours are not multiplied with alpha, as its plane says: wherever a cursor is shown.

Its clear pixels have any colour, which must not be seen.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtGui import QImage

from app.planes.frame import Frame, Surface
from app.planes.plane import Backing
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.pixel_readback import PixelReadback
from gl.renderer import Renderer
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, random_picture, window
from tests.gl.test_buffer_thumbnail import taken
from tests.gl.test_compositor import with_cursor
from tests.pushed.session import pushed_session
from tests.pushed.source import PushedSource
from ui.cli.main import main

_SIZE = (48, 24)
_AT = (5, 6)


def _straight() -> Bytes:
    pixels = random_picture(9, 8, 7)
    pixels[..., 3] = np.array([0, 255, 100, 0, 7, 200, 0, 255, 31], np.uint8)
    return pixels


def _premultiplied(straight: Bytes) -> Bytes:
    result = straight.copy()
    result[..., :3] = np.rint(straight[..., :3] * (straight[..., 3:] / 255))
    return result


def _surface(surfaces: SurfaceFactory, rgba: Bytes, *, straight: bool) -> Surface:
    made = surfaces.cursor(rgba, _AT, backing=Backing.MEMORY)
    return Surface(replace(made.plane, straight_alpha=straight), made.buffer)


@pytest.fixture
def picture() -> Bytes:
    return random_picture(*_SIZE)


@pytest.fixture
def shown(surfaces: SurfaceFactory, picture: Bytes) -> Frame:
    return frame(surfaces.picture(picture), _surface(surfaces, _straight(), straight=True))


def _near(actual: Bytes | None, expected: Bytes, most: int = 1) -> bool:
    assert actual is not None
    return int(np.abs(actual.astype(int) - expected).max()) <= most


def test_composite_one_to_one(gl_context: Context, renderer: Renderer, shown: Frame, picture: Bytes) -> None:
    expected = with_cursor(picture, _straight(), *_AT, straight=True)
    with window(gl_context, *_SIZE) as (target, canvas):
        renderer.draw(shown, target)
        assert _near(canvas.read()[::-1], expected)
        loupe = PixelReadback(renderer)
        assert _near(loupe.composite(shown, DrawOptions(), 0, 0, 24), expected[:, :24])
        loupe.release()
    assert _near(renderer.capture(shown), expected)


@pytest.mark.parametrize("outline", [None, (1.0, 0.5, 0.0)])
def test_scaled_it_looks_like_the_same_cursor_with_premultiplied_colours(
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    shown: Frame,
    outline: tuple[float, float, float] | None,
) -> None:
    """A filter that mixes straight colours makes dark or coloured rims."""
    options = DrawOptions(cursor_outline=outline)
    same = replace(shown, cursor=_surface(surfaces, _premultiplied(_straight()), straight=False))
    with window(gl_context, _SIZE[0] * 5 // 2, _SIZE[1] * 5 // 2) as (target, canvas):
        renderer.draw(shown, target, options)
        straight = canvas.read()
        renderer.draw(same, target, options)
        assert _near(straight, canvas.read(), 3)


def test_the_same_buffer_with_the_other_kind_of_alpha_is_drawn_anew(
    gl_context: Context, renderer: Renderer, shown: Frame, picture: Bytes
) -> None:
    assert shown.cursor is not None
    cursor = Surface(replace(shown.cursor.plane, straight_alpha=False), shown.cursor.buffer)
    with window(gl_context, *_SIZE) as (target, canvas):
        renderer.draw(shown, target)
        renderer.draw(replace(shown, cursor=cursor), target)
        assert _near(canvas.read()[::-1], with_cursor(picture, _straight(), *_AT))


def test_thumbnail_of_its_buffer_is_premultiplied(gl_context: Context, renderer: Renderer, shown: Frame) -> None:
    assert shown.cursor is not None
    with window(gl_context, *_SIZE) as (target, _):
        renderer.draw(shown, target)
    image = renderer.cached_image(shown.cursor.buffer.serial)
    assert image is not None
    thumbnail = renderer.buffer_thumbnail(36, 32)
    thumbnail.start(image, opaque=False, straight=True)
    pixels = taken(thumbnail)
    thumbnail.release()
    assert (pixels[..., :3] <= pixels[..., 3:]).all()
    assert pixels[..., 3].max() > 200


def test_screenshot_of_it_has_its_own_colours(
    own_context: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PNG has straight alpha: a colour that was divided by alpha would be another one."""
    source = PushedSource(cursor_image=_straight())
    monkeypatch.setattr("ui.offscreen.open_target", lambda *_, **__: pushed_session(source))
    monkeypatch.setattr("ui.cli.screenshot_bytes.open_target", lambda *_, **__: pushed_session(source))
    monkeypatch.setattr(PushedSource, "close", lambda _: None)
    files = tmp_path / "gpu.png", tmp_path / "cpu.png", tmp_path / "cursor.raw", tmp_path / "raw.png"
    assert main(["screenshot", "sim:gvt", "--plane", "cursor", "-o", str(files[0])]) == 0
    assert main(["screenshot", "sim:gvt", "--plane", "cursor", "--as", "AR24", "-o", str(files[1])]) == 0
    assert main(["screenshot", "sim:gvt", "--plane", "cursor", "--raw", "-o", str(files[2])]) == 0
    assert main(["screenshot", "--from-raw", str(files[2]), "-o", str(files[3])]) == 0
    monkeypatch.undo()
    source.close()
    for file in (files[0], files[1], files[3]):
        image = QImage(str(file)).convertToFormat(QImage.Format.Format_RGBA8888)
        data = image.constBits()
        assert data is not None
        pixels = np.frombuffer(data.asstring(image.sizeInBytes()), np.uint8).reshape(image.height(), -1, 4)
        assert np.array_equal(pixels, _straight()), file.name
