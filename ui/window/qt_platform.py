"""Qt's platform: whether it can open a window here, and what it says if not."""

import os

from PyQt6.QtGui import QGuiApplication, QOpenGLContext

from app.errors import MdevviewError

_NO_PLUGIN = "no Qt platform plugin could be initialized"


def display_error(qt_message: str) -> str:
    """Why Qt cannot open its display, from its own last message."""
    if _NO_PLUGIN not in qt_message:
        return f"{' '.join(qt_message.split())}; see 'mdevview doctor'"
    tried = [f"{key}={value}" for key in ("WAYLAND_DISPLAY", "DISPLAY") if (value := os.environ.get(key))]
    platform = os.environ.get("QT_QPA_PLATFORM")
    if platform:
        return (
            f"Qt cannot use QT_QPA_PLATFORM={platform} with {', '.join(tried) or 'no display'}; unset it or correct it"
        )
    if tried:
        return f"Qt cannot use the display ({', '.join(tried)}); see 'mdevview doctor'"
    return (
        "there is no Wayland or X11 session, neither WAYLAND_DISPLAY nor DISPLAY is set; "
        "'mdevview screenshot' and 'mdevview inspect' need none"
    )


def require_opengl() -> None:
    """Raises MdevviewError where Qt has no OpenGL: QOpenGLWindow would crash with its first draw."""
    if not QOpenGLContext().create():
        raise MdevviewError(
            f"cannot open a window: Qt has no OpenGL on its platform {QGuiApplication.platformName()!r}",
            "unset QT_QPA_PLATFORM and QT_XCB_GL_INTEGRATION, or see 'mdevview doctor'",
        )
