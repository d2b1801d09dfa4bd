"""Contexts of our own and adopted contexts."""

import ctypes
import threading
from collections import Counter
from pathlib import Path

import pytest

from gl import egl_constants as const
from gl import egl_display
from gl.context import Context, CurrentContext, SurfacelessContext
from gl.debug import DebugLog
from gl.egl import Egl, load_egl
from gl.egl_display import DisplayOrigin, EglDisplay, Platform, extensions_of, open_display
from gl.errors import GlError, UnsupportedContext
from gl.renderer import Renderer
from tests.conftest import open_files
from tests.gate import unavailable
from tests.gl.surfaces import frame, random_picture, surface_factory

EGL_OPENGL_API = 0x30A2


def test_capabilities(gl_context: Context) -> None:
    assert gl_context.version.startswith("OpenGL ES 3")
    assert gl_context.renderer and gl_context.vendor
    assert gl_context.max_texture_size >= 2048
    assert gl_context.display.handle
    assert "GL_OES_EGL_image" in gl_context.extensions
    nodes = list(Path("/dev/dri").glob("renderD*"))
    # A GPU may draw without a node, as NVIDIA's does in a container that has none.
    assert (gl_context.display.render_node is not None) == (not gl_context.software and bool(nodes))


def test_the_older_name_of_the_device_query_is_enough(
    gl_context: Context, own_context: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVIDIA's EGL has only EGL_EXT_device_base; without a device, no display knew its node."""
    names = load_egl().client_extensions() - {"EGL_EXT_device_query", "EGL_EXT_device_enumeration"}
    monkeypatch.setattr(Egl, "client_extensions", lambda _self: names | {"EGL_EXT_device_base"})
    monkeypatch.setattr("gl.egl_display._node_of", lambda _egl, device: f"/dev/dri/{device}")
    with SurfacelessContext(origin=DisplayOrigin(Platform.DEVICE)) as context:
        device = egl_display._devices(context.egl)[0]
        assert context.display.render_node == f"/dev/dri/{device}"
        with CurrentContext() as adopted:
            assert adopted.display.render_node == f"/dev/dri/{device}"


def draws(context: Context) -> bool:
    """Whether a picture drawn with the context is right."""
    picture = random_picture(8, 8)
    renderer = Renderer(context)
    with surface_factory() as surfaces:
        actual = renderer.capture(frame(surfaces.picture(picture)))
        renderer.release()
    return actual is not None and bool((actual == picture).all())


def test_closing_one_context_leaves_others_alone() -> None:
    """Both share the EGLDisplay: to terminate it would end both."""
    with SurfacelessContext() as first:
        with SurfacelessContext() as second:
            assert draws(second)
        first.make_current()
        assert draws(first)
        second.close()
        assert draws(first)


def test_contexts_leave_nothing_behind() -> None:
    for _ in range(2):
        with SurfacelessContext() as context:
            draws(context)
    files = open_files()
    for _ in range(5):
        with SurfacelessContext() as context:
            assert draws(context)
    assert open_files() == files


def test_a_context_for_each_thread() -> None:
    results: list[bool] = []

    def work() -> None:
        with SurfacelessContext() as context:
            results.append(draws(context))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results == [True] * 3


def test_the_current_context_is_adopted(gl_context: Context) -> None:
    with SurfacelessContext() as own:
        with CurrentContext() as adopted:
            assert adopted.display.handle == own.display.handle
            assert adopted.renderer == own.renderer
            assert draws(adopted)
        # Closing an adopted context does not end it.
        assert draws(own)
    assert isinstance(gl_context, SurfacelessContext)
    gl_context.make_current()


def test_no_current_context() -> None:
    raised: list[Exception] = []

    def work() -> None:
        try:
            CurrentContext()
        except UnsupportedContext as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(raised) == 1
    assert "QT_XCB_GL_INTEGRATION" in str(raised[0])


def test_desktop_opengl_is_rejected(gl_context: Context) -> None:
    display = open_display()
    egl = display.egl
    if not egl.BindAPI(EGL_OPENGL_API):
        unavailable("this EGL has no desktop OpenGL")
    none = (ctypes.c_int32 * 1)(const.EGL_NONE)
    context = egl.require(egl.CreateContext(display.handle, None, None, ctypes.addressof(none)), "eglCreateContext")
    egl.MakeCurrent(display.handle, None, None, context)
    try:
        with pytest.raises(UnsupportedContext, match=r"OpenGL ES 3\.0 is needed"):
            CurrentContext()
    finally:
        egl.MakeCurrent(display.handle, None, None, None)
        egl.DestroyContext(display.handle, context)
        display.close()
        egl.BindAPI(const.EGL_OPENGL_ES_API)
        assert isinstance(gl_context, SurfacelessContext)
        gl_context.make_current()


def test_a_device_that_does_not_exist() -> None:
    with pytest.raises(UnsupportedContext, match="/dev/dri/renderD999"):
        SurfacelessContext("/dev/dri/renderD999")


def test_without_the_surfaceless_platform_the_device_platform_is_used(
    gl_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with drivers other than Mesa's."""
    names = load_egl().client_extensions() - {"EGL_MESA_platform_surfaceless"}
    monkeypatch.setattr(Egl, "client_extensions", lambda _self: names)
    with SurfacelessContext() as context:
        assert context.display.handle != gl_context.display.handle
        assert draws(context)
    assert isinstance(gl_context, SurfacelessContext)
    gl_context.make_current()


@pytest.fixture
def drm_node_without_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The display that EGL chooses is on a DRM node, and the CPU draws on it, as with vgem."""
    software = property(lambda display: display.origin.platform is Platform.SOFTWARE)
    monkeypatch.setattr(EglDisplay, "on_software_device", software)


@pytest.mark.usefixtures("software_context", "own_context", "drm_node_without_driver")
def test_on_a_drm_node_without_a_gpu_driver_the_software_device_is_used() -> None:
    opened = Counter(egl_display._opened)
    for _ in range(2):
        with SurfacelessContext() as context:
            assert context.display.origin == DisplayOrigin(Platform.SOFTWARE)
            assert sum((egl_display._opened - opened).values()) == 1, "the first display was not closed"
            assert draws(context)
        assert egl_display._opened == opened


@pytest.mark.usefixtures("own_context", "drm_node_without_driver")
def test_without_a_software_device_the_display_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Counter(egl_display._opened)
    monkeypatch.setattr("gl.egl_display._SOFTWARE_DEVICE", "EGL_none")
    with SurfacelessContext() as context:
        assert context.display.origin == DisplayOrigin(Platform.SURFACELESS)
        assert draws(context)
    assert egl_display._opened == opened


def test_a_host_without_a_drm_node_opens_one_display(
    gl_context: Context, own_context: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not gl_context.display.on_software_device:
        unavailable(f"{gl_context.renderer} draws, this test is about a host without a GPU")
    monkeypatch.setattr("gl.context.open_origin", lambda origin: pytest.fail(f"opened {origin} too"))
    with SurfacelessContext() as context:
        assert context.display.origin == DisplayOrigin(Platform.SURFACELESS)


def test_an_egl_without_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Egl, "client_extensions", lambda _self: frozenset[str]())
    with pytest.raises(UnsupportedContext, match="only draw into windows"):
        SurfacelessContext()


def test_a_display_without_surfaceless_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gl.egl_display.extensions_of", lambda _names: extensions_of(frozenset()))
    with pytest.raises(UnsupportedContext, match="without a window"):
        SurfacelessContext()


def test_a_display_that_needs_a_configuration(gl_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    names = frozenset({"EGL_KHR_surfaceless_context"})
    monkeypatch.setattr("gl.egl_display.extensions_of", lambda _names: extensions_of(names))
    with SurfacelessContext() as context:
        assert not context.imports_dma_bufs
        assert draws(context)
    assert isinstance(gl_context, SurfacelessContext)
    gl_context.make_current()


def test_opengl_errors_are_found_at_the_end_of_an_operation(gl_context: Context, gl_log: DebugLog) -> None:
    gl_context.gl.Enable(0x1234)
    gl_context.gl.BindTexture(0x1234, 0)
    with pytest.raises(GlError, match="a test: GL_INVALID_ENUM"):
        gl_context.gl.check("a test")
    gl_context.gl.check("errors are reported once")
    assert gl_log.serious()
    gl_log.messages.clear()
