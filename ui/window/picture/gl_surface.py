"""What a window and a widget that OpenGL draws into have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PyQt6.QtGui import QOpenGLContext, QWindow

from gl.egl_display import DisplayOrigin, Platform

if TYPE_CHECKING:
    from PyQt6.QtOpenGL import QOpenGLWindow

    # Only the overview loads this library.
    from PyQt6.QtOpenGLWidgets import QOpenGLWidget


@contextmanager
def made_current(surface: "QOpenGLWindow | QOpenGLWidget") -> Iterator[None]:
    """Make the surface's context current for a while; in the middle of a draw it is current already."""
    if QOpenGLContext.currentContext() == surface.context():
        yield
        return
    surface.makeCurrent()
    try:
        yield
    finally:
        surface.doneCurrent()


def display_origin(platform_name: str) -> DisplayOrigin | None:
    """Where Qt's EGL display comes from, by the name of Qt's platform."""
    if platform_name.startswith("wayland"):
        return DisplayOrigin(Platform.WAYLAND)
    return DisplayOrigin(Platform.X11) if platform_name == "xcb" else None


def device_size(window: QWindow) -> tuple[int, int]:
    """Width and height of a window in device pixels."""
    ratio = window.devicePixelRatio()
    return (round(window.width() * ratio), round(window.height() * ratio))
