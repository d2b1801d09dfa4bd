"""Keeps the context that is current in this thread, whoever made it, while another one is used."""

from collections.abc import Iterator
from contextlib import contextmanager

from gl import egl_constants as const
from gl.egl import Egl
from gl.errors import EglError, GlError


class ContextNotRestored(GlError):
    """The window's context could not be made current again: nothing can be drawn with it."""


@contextmanager
def kept_current(egl: Egl) -> Iterator[None]:
    """Afterwards the context, the display and the surfaces that were current are current again, or none if none was.

    This is done in EGL and not in Qt: Qt keeps what it believes to be current in the thread, and that stays true.
    OpenGL ES is the only API that is used here, so EGL's current API stays too. Raises :class:`ContextNotRestored`.
    """
    display, context = egl.GetCurrentDisplay(), egl.GetCurrentContext()
    surfaces = (egl.GetCurrentSurface(const.EGL_DRAW), egl.GetCurrentSurface(const.EGL_READ))
    try:
        yield
    finally:
        now = egl.GetCurrentDisplay()
        if context:
            try:
                egl.require(egl.MakeCurrent(display, *surfaces, context), "eglMakeCurrent")
            except EglError as error:
                raise ContextNotRestored("making the window's context current again", (), str(error)) from error
        elif now:
            egl.MakeCurrent(now, None, None, None)
