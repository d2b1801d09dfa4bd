"""EGL displays: what they import, their extensions, and who terminates them."""

from app.abi import drm_fourcc as drm
from gl.canvas import Canvas
from gl.context import Context
from gl.egl import load_egl
from gl.egl_display import EglDisplay, extensions_of


def test_what_the_display_imports(importing_context: Context) -> None:
    display = importing_context.display
    assert drm.DRM_FORMAT_XRGB8888 in display.formats
    linear = [each for each in display.modifiers(drm.DRM_FORMAT_XRGB8888) if each.value == 0]
    assert [each.external_only for each in linear] == [False]
    # Every Mesa driver imports packed YUV as external textures only.
    assert all(each.external_only for each in display.modifiers(drm.DRM_FORMAT_YUYV))
    assert display.modifiers(drm.fourcc_code("????")) == ()


def test_old_names_of_extensions() -> None:
    extensions = extensions_of(frozenset({"EGL_KHR_image", "EGL_MESA_configless_context"}))
    assert extensions.EGL_KHR_image_base
    assert extensions.EGL_KHR_no_config_context
    assert not extensions.EGL_EXT_image_dma_buf_import


def test_adopted_displays_are_not_terminated(gl_context: Context) -> None:
    adopted = EglDisplay(load_egl(), gl_context.display.handle, adopted=True)
    adopted.close()
    adopted.close()
    canvas = Canvas(gl_context, 2, 2)
    assert canvas.read().shape == (2, 2, 4)
    canvas.release()
    canvas.release()
    gl_context.sweep()
