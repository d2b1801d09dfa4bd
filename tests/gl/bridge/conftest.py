"""A renderer of a display that imports nothing, with a bridge to a second software display."""

from collections.abc import Iterator

import pytest

from app.planes.outcome import HandOverForm
from gl.context import Context
from gl.renderer import Renderer
from tests.gl.bridging import OTHER, Rig, bridged
from tests.gl.counting import Calls
from tests.gl.failing import Clock


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture(params=list(HandOverForm), ids=lambda form: form.value)
def form(request: pytest.FixtureRequest, rig: Rig) -> HandOverForm:
    """How pictures are handed over."""
    form: HandOverForm = request.param
    rig.allocates = form is HandOverForm.DMABUF
    return form


@pytest.fixture
def renderer(importing_context: Context, calls: Calls, clock: Clock, rig: Rig) -> Iterator[Renderer]:
    """A renderer with a bridge, which must leave nothing behind."""
    with bridged(rig):
        renderer = Renderer(importing_context, clock)
        renderer.set_bridge(OTHER)
        yield renderer
        renderer.release()
