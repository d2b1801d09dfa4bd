"""The EGL library, and the names of errors."""

import ctypes

import pytest

from gl.egl import Egl, load_egl
from gl.errors import EglError, GraphicsError, egl_error_name, gl_error_name


def test_a_library_that_is_no_egl() -> None:
    with pytest.raises(GraphicsError, match="no EGL library"):
        Egl(ctypes.CDLL("libc.so.6"))


def test_failures_name_call_and_error() -> None:
    egl = load_egl()
    with pytest.raises(EglError, match="eglInitialize: EGL_BAD_DISPLAY") as caught:
        egl.require(egl.Initialize(None, None, None), "eglInitialize")
    assert caught.value.code == 0x3008
    assert egl_error_name(0x1234) == "EGL error 0x1234"
    assert gl_error_name(0x0505) == "GL_OUT_OF_MEMORY"
    assert gl_error_name(0x1234) == "GL error 0x1234"
