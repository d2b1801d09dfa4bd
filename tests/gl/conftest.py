"""One context for all tests. An error of OpenGL fails the test that caused it."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from PyQt6.QtGui import QImage

from gl.context import Context, SurfacelessContext
from gl.debug import DebugLog
from gl.errors import GraphicsError
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests import gate
from tests.gl.counting import Calls, counted
from tests.gl.failing import Clock
from tests.gl.record import SurvivingRecord
from tests.gl.surfaces import SurfaceFactory, surface_factory, window


@pytest.fixture(scope="session", autouse=True)
def surviving_record() -> Iterator[None]:
    """The default record of every context, also of those that commands make."""
    with patch("gl.context.default_record", SurvivingRecord):
        yield


@pytest.fixture(scope="session")
def gl_context(surviving_record: None) -> Iterator[Context]:
    try:
        context = SurfacelessContext(debug=True)
    except GraphicsError as error:
        gate.unavailable(f"no OpenGL ES 3.0 here: {error}")
    with context:
        yield context


@pytest.fixture
def long_lived(gl_context: Context) -> None:
    """The context, and the threads that Qt keeps after it converted a large picture, for 30 seconds without work."""
    QImage(1024, 1024, QImage.Format.Format_RGB32).convertToFormat(QImage.Format.Format_RGBA8888)


@pytest.fixture
def own_context(gl_context: SurfacelessContext) -> Iterator[None]:
    """For a test of something that makes its own context current: afterwards the tests' context is current again."""
    yield
    gl_context.make_current()


@pytest.fixture(scope="session")
def importing_context(gl_context: Context) -> Context:
    """The context, if it imports dma-bufs and the CPU draws. Only then can a memfd stand for a dma-buf."""
    if not gl_context.imports_dma_bufs:
        gate.unavailable(f"{gl_context.renderer} imports no dma-bufs (llvmpipe does from Mesa 24.1 on)")
    if not gl_context.software:
        gate.unavailable(f"{gl_context.renderer} imports real dma-bufs only, these tests have memfds")
    return gl_context


@pytest.fixture(scope="session")
def software_context(gl_context: Context) -> Context:
    """The context, if the CPU draws."""
    if not gl_context.software:
        gate.unavailable(f"{gl_context.renderer} draws, this test is about a CPU that does")
    return gl_context


@pytest.fixture(autouse=True)
def gl_log(request: pytest.FixtureRequest) -> Iterator[DebugLog | None]:
    """Fails a test during which OpenGL reported an error. A test that expects one clears ``messages``."""
    if "gl_context" not in request.fixturenames:
        yield None
        return
    context: SurfacelessContext = request.getfixturevalue("gl_context")
    # A test of a whole command may have made another context current.
    context.make_current()
    log = DebugLog(context)
    yield log
    log.close()
    codes = context.gl.errors()
    assert not log.serious(), f"OpenGL reported: {log.serious()}"
    assert not codes, f"OpenGL errors were left: {codes}"


@pytest.fixture
def calls(gl_context: Context) -> Iterator[Calls]:
    """Counts calls. Fails a test that leaves an object of OpenGL or EGL alive."""
    with counted(gl_context) as calls:
        yield calls
    assert not calls.alive(), f"left alive: {calls.alive()}"


@pytest.fixture
def clock() -> Clock:
    """The clock of ``renderer``."""
    return Clock()


@pytest.fixture
def renderer(gl_context: Context, calls: Calls, clock: Clock) -> Iterator[Renderer]:
    """A renderer that must leave nothing behind when it is released."""
    renderer = Renderer(gl_context, clock)
    yield renderer
    renderer.release()


@pytest.fixture
def surfaces() -> Iterator[SurfaceFactory]:
    with surface_factory() as factory:
        yield factory


@pytest.fixture
def target(gl_context: Context, calls: Calls) -> Iterator[RenderTarget]:
    """A target of 16 x 8 pixels."""
    with window(gl_context, 16, 8) as (target, _):
        yield target
