"""The option tear free: the same picture, from a copy that is taken at once."""

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from gl import api
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.renderer import Renderer
from tests.gl.surfaces import Bytes, SurfaceFactory, frame, random_picture, random_rows, window

_SIZE = (96, 72)


def _drawn(context: Context, renderer: Renderer, shown: object, size: tuple[int, int], **options: object) -> Bytes:
    with window(context, *size) as (target, canvas):
        renderer.draw(shown, target, DrawOptions(**options))  # type: ignore[arg-type]
        return canvas.read()


@pytest.mark.parametrize("y_inverted", [False, True])
@pytest.mark.parametrize("size", [_SIZE, (50, 61)], ids=["whole", "scaled"])
def test_the_picture_is_the_same(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, y_inverted: bool, size: tuple[int, int]
) -> None:
    cursor = surfaces.cursor(random_picture(16, 16, seed=1), (30, 20))
    shown = frame(surfaces.picture(random_picture(*_SIZE), y_inverted=y_inverted), cursor)
    plain = _drawn(importing_context, renderer, shown, size)
    copied = _drawn(importing_context, renderer, shown, size, tear_free=True)
    assert np.array_equal(plain, copied)
    assert len(np.unique(plain.reshape(-1, 4), axis=0)) > 1000


def test_flips_and_drawing_in_place_are_followed(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    first, second = (frame(surfaces.picture(random_picture(*_SIZE, seed))) for seed in range(2))
    for shown in (first, second, first):
        plain = _drawn(importing_context, renderer, shown, _SIZE)
        assert np.array_equal(_drawn(importing_context, renderer, shown, _SIZE, tear_free=True), plain)
    assert first.primary is not None
    surfaces.overwrite(first.primary.buffer, random_rows(drm.DRM_FORMAT_XRGB8888, *_SIZE, seed=7))
    after = _drawn(importing_context, renderer, first, _SIZE, tear_free=True)
    assert np.array_equal(after, _drawn(importing_context, renderer, first, _SIZE)) and not np.array_equal(after, plain)


def test_a_guest_that_draws_during_the_composition_is_not_seen(
    importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It draws after the copy is complete and before the composition reads: the old picture is whole."""
    shown = frame(surfaces.picture(random_picture(*_SIZE)))
    assert shown.primary is not None
    buffer, other = shown.primary.buffer, random_rows(drm.DRM_FORMAT_XRGB8888, *_SIZE, seed=3)
    before = _drawn(importing_context, renderer, shown, _SIZE)
    wait = importing_context.gl.ClientWaitSync

    def wait_and_draw(*arguments: object) -> int:
        answer = wait(*arguments)
        assert answer in (api.GL_ALREADY_SIGNALED, api.GL_CONDITION_SATISFIED)
        surfaces.overwrite(buffer, other)
        return answer

    monkeypatch.setattr(importing_context.gl, "ClientWaitSync", wait_and_draw)
    assert np.array_equal(_drawn(importing_context, renderer, shown, _SIZE, tear_free=True), before)
    monkeypatch.undo()
    assert not np.array_equal(_drawn(importing_context, renderer, shown, _SIZE), before)
