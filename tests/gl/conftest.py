"""One context for all tests; whatever OpenGL complains about fails the test that caused it."""

from collections.abc import Iterator

import pytest
from PyQt6.QtGui import QImage

from gl.context import Context, SurfacelessContext
from gl.debug import DebugLog
from gl.errors import GraphicsError
from gl.renderer import Renderer
from tests import gate
from tests.gl.counting import Calls, counted
from tests.gl.surfaces import SurfaceFactory, surface_factory


@pytest.fixture(scope="session")
def gl_context() -> Iterator[Context]:
    try:
        context = SurfacelessContext(debug=True)
    except GraphicsError as error:
        gate.unavailable(f"no OpenGL ES 3.0 here: {error}")
    with context:
        yield context


@pytest.fixture(scope="session")
def long_lived(gl_context: Context) -> None:
    """The context, and the threads that Qt keeps once it converted a large picture."""
    QImage(1024, 1024, QImage.Format.Format_RGB32).convertToFormat(QImage.Format.Format_RGBA8888)


@pytest.fixture
def own_context(gl_context: SurfacelessContext) -> Iterator[None]:
    """For a test of something that has a context of its own, after which none is current: the tests' comes back."""
    yield
    gl_context.make_current()


@pytest.fixture(scope="session")
def importing_context(gl_context: Context) -> Context:
    """The context, where it can import dma-bufs and the CPU draws: only then is a memfd good enough."""
    if not gl_context.imports_dma_bufs:
        gate.unavailable(f"{gl_context.renderer} imports no dma-bufs (llvmpipe does from Mesa 24.1 on)")
    if not gl_context.software:
        gate.unavailable(f"{gl_context.renderer} imports real dma-bufs only, these tests have memfds")
    return gl_context


@pytest.fixture(autouse=True)
def gl_log(request: pytest.FixtureRequest) -> Iterator[DebugLog | None]:
    """Fails a test during which OpenGL reported an error, unless the test empties ``messages`` after a look."""
    if "gl_context" not in request.fixturenames:
        yield None
        return
    context: Context = request.getfixturevalue("gl_context")
    log = DebugLog(context)
    yield log
    log.close()
    codes = context.gl.errors()
    assert not log.serious(), f"OpenGL complained: {log.serious()}"
    assert not codes, f"OpenGL errors were left: {codes}"


@pytest.fixture
def calls(gl_context: Context) -> Iterator[Calls]:
    """Counts calls; fails a test after which something made was not unmade."""
    with counted(gl_context) as found:
        yield found
    assert not found.alive(), f"left alive: {found.alive()}"


@pytest.fixture
def renderer(gl_context: Context, calls: Calls) -> Iterator[Renderer]:
    """A renderer that must leave nothing behind when it is released."""
    made = Renderer(gl_context)
    yield made
    made.release()


@pytest.fixture
def surfaces() -> Iterator[SurfaceFactory]:
    with surface_factory() as made:
        yield made
