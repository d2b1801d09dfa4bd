"""Looks at pixels by the GPU: what is found, and how soon."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.frame import Frame
from app.planes.pixel_samples import LOOKS
from app.planes.plane import Backing
from gl import api
from gl.compositor import Compositor
from gl.context import Context
from gl.debug import DebugLog
from gl.pixel_probe import PixelProbe
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from gl.texture_samples import TextureSamples, reduction
from tests.gl.counting import Calls
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, random_rows, window

# Wider than a run of texels, and with a last run and a last round of rows that are not full.
_WIDTH, _HEIGHT = 300, 43


@pytest.fixture
def compositor(gl_context: Context) -> Iterator[Compositor]:
    made = Compositor(gl_context)
    yield made
    made.release()


@pytest.fixture
def target(gl_context: Context) -> Iterator[RenderTarget]:
    with window(gl_context, 32, 24) as (made, _):
        yield made


def _unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As GVT-g's dma-bufs, which the CPU cannot map."""

    def fail(*_: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr("app.planes.buffer.DmaBuffer.strips", fail)


def _settle(renderer: Renderer, shown: Frame) -> None:
    """Look until everything was seen."""
    for _ in range(2 * LOOKS + 2):
        renderer.look(shown)
    assert not any(look.draw for _ in range(LOOKS) if (look := renderer.look(shown)) is not None)


def _finds_change(renderer: Renderer, shown: Frame) -> bool:
    looks = [renderer.look(shown) for _ in range(LOOKS + 1)]
    return any(look is not None and look.previous_ns is not None for look in looks)


@pytest.mark.parametrize("external", [False, True])
def test_a_single_pixel_anywhere_is_found_by_the_eighth_look(
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    compositor: Compositor,
    calls: Calls,
    external: bool,
) -> None:
    rows = random_rows(drm.DRM_FORMAT_XRGB8888, _WIDTH, _HEIGHT)
    surface = surfaces.surface(rows, drm.DRM_FORMAT_XRGB8888, _WIDTH, stride=4 * _WIDTH)
    loaded = renderer._surfaces.get(surface)
    assert loaded.image is not None
    # Both programs compile; an external texture of llvmpipe is YUV only, so that the ordinary one is drawn.
    programs = [reduction(importing_context, external=each) for each in ((False, True) if external else (False,))]
    samples = TextureSamples(importing_context, compositor, programs[0], loaded.image)
    for now in range(LOOKS):
        look = samples.look(now)
        assert look is not None and look.draw and look.previous_ns is None
    places = [(x, y) for y in range(0, _HEIGHT, 3) for x in (0, 1, 127, 128, 129, 255, 256, 298, 299)]
    for x, y in places:
        rows[y, 4 * x + (x + y) % 3] ^= 1 << (x + y) % 8
        surfaces.overwrite(surface.buffer, rows)
        found = [look for _ in range(LOOKS) if (look := samples.look(99)) is not None and look.draw]
        assert len(found) == 1 and found[0].previous_ns is not None, (x, y)
    samples.release()
    samples.release()
    for each in programs:
        importing_context.gl.DeleteProgram(each.name)


def test_where_the_cpu_cannot_read_the_gpu_looks(
    target: RenderTarget,
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _unreadable(monkeypatch)
    picture = random_picture(64, 48)
    cursor = surfaces.cursor(random_picture(16, 16, seed=1), (3, 4))
    shown = frame(surfaces.picture(picture), cursor)
    assert shown.primary is not None
    renderer.draw(shown, target)
    assert renderer.look(shown) is not None
    assert renderer.look_needs_context
    _settle(renderer, shown)
    picture[30, 20] ^= 0xFF
    surfaces.overwrite(shown.primary.buffer, picture[..., [2, 1, 0, 3]].reshape(48, -1))
    assert any(
        look is not None and look.previous_ns is not None for look in (renderer.look(shown) for _ in range(LOOKS))
    )
    # A cursor that the guest draws anew in its place.
    surfaces.overwrite(cursor.buffer, random_rows(drm.DRM_FORMAT_ARGB8888, 16, 16, seed=5))
    assert any(
        look is not None and look.previous_ns is not None for look in (renderer.look(shown) for _ in range(LOOKS))
    )


def test_a_look_leaves_the_picture_alone(
    target: RenderTarget,
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also the framebuffer that was bound, which may be Qt's."""
    _unreadable(monkeypatch)
    shown = frame(surfaces.picture(random_picture(64, 48)))
    before = renderer.capture(shown)
    renderer.draw(shown, target)
    for _ in range(4):
        renderer.look(shown)
    assert importing_context.gl.integer(api.GL_FRAMEBUFFER_BINDING) == target.framebuffer
    after = renderer.capture(shown)
    assert before is not None and after is not None and np.array_equal(before, after)


def test_a_flip_begins_anew_and_a_released_buffer_is_looked_at_no_more(
    target: RenderTarget, importing_context: Context, renderer: Renderer, surfaces: SurfaceFactory
) -> None:
    """What was seen of a buffer is old when the guest flips back to it: that is no change in the shown buffer."""
    first, second = frame(surfaces.picture(random_picture(64, 48))), frame(surfaces.picture(random_picture(64, 48, 1)))
    renderer.draw(first, target)
    _settle(renderer, first)
    renderer.draw(second, target)
    assert renderer.look(first) is None, "it is not on the screen"
    assert first.primary is not None
    surfaces.overwrite(first.primary.buffer, random_rows(drm.DRM_FORMAT_XRGB8888, 64, 48, seed=9))
    renderer.draw(first, target)
    for _ in range(LOOKS):
        look = renderer.look(first)
        assert look is not None and look.draw and look.previous_ns is None
    renderer.drop_released()
    assert renderer.look(first) is None


def test_a_copied_plane_that_can_no_longer_be_read_is_drawn(
    target: RenderTarget,
    gl_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The draw says why. A look must not keep that from the user."""
    shown = frame(surfaces.picture(random_picture(64, 48), backing=Backing.REGION))
    renderer.draw(shown, target)
    _settle(renderer, shown)

    def fail(*_: object) -> None:
        raise OSError(14, "vanished")

    monkeypatch.setattr("app.planes.buffer.MemoryBuffer.strips", fail)
    look = renderer.look(shown)
    assert look is not None and look.draw and look.previous_ns is None
    assert not renderer.look_needs_context


def test_a_driver_without_the_program_draws_each_time(
    target: RenderTarget,
    importing_context: Context,
    renderer: Renderer,
    surfaces: SurfaceFactory,
    monkeypatch: pytest.MonkeyPatch,
    gl_log: DebugLog,
) -> None:
    _unreadable(monkeypatch)
    monkeypatch.setattr("gl.texture_samples._FRAGMENT", "nonsense")
    shown = frame(surfaces.picture(random_picture(64, 48)))
    renderer.draw(shown, target)
    for _ in range(3 * LOOKS):
        look = renderer.look(shown)
        assert look is not None and look.draw
    assert len(gl_log.messages) == 1, "it is not asked again each time"
    gl_log.messages.clear()


def test_release_more_than_once(gl_context: Context, compositor: Compositor, calls: Calls) -> None:
    probe = PixelProbe(gl_context, compositor)
    assert probe.look(0) is None
    probe.release()
    probe.release()
