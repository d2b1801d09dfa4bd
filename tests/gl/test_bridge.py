"""The bridge between two software displays: what one imports is handed over to the other."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.abi import drm_fourcc as drm
from app.planes.outcome import HandOverForm, PixelPath
from app.planes.plane import PlaneKind
from app.planes.status import State
from gl.capture import CaptureKind
from gl.context import Context
from gl.egl_display import DisplayOrigin, Platform
from gl.renderer import Renderer
from tests.gl.surfaces import SurfaceFactory, frame, random_picture, random_rows

OTHER = DisplayOrigin(Platform.SOFTWARE)


@pytest.fixture
def bridging(importing_context: Context, monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> Renderer:
    """The renderer of a display that imports nothing, with a bridge to another software display."""
    monkeypatch.setattr(importing_context, "imports_dma_bufs", False)
    renderer.set_bridge(OTHER)
    return renderer


def test_thin(bridging: Renderer, surfaces: SurfaceFactory) -> None:
    picture = random_picture(33, 17)
    surface = surfaces.picture(picture)
    seen = bridging.capture(frame(surface))
    outcome = bridging.outcome(surface)
    print(outcome)
    assert outcome.path is PixelPath.BRIDGE
    assert np.array_equal(seen, picture)
