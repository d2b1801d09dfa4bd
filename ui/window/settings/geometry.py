"""Size and position of a window, as plain numbers."""

from dataclasses import dataclass

from PyQt6.QtCore import QPoint, QRect, QSize, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QMainWindow

# A position is used if this much of the window, from its top left corner, is on a screen.
_GRIP = QSize(100, 50)
# The menus and some of the picture can be used in it.
_LEAST = QSize(320, 240)


@dataclass(frozen=True, slots=True)
class Geometry:
    """In Qt's device-independent pixels. Wayland tells no window its position; there x and y are 0.

    The size is that of the window while it is not maximised.
    """

    width: int
    height: int
    x: int = 0
    y: int = 0
    maximized: bool = False


def geometry_of(window: QMainWindow) -> Geometry:
    """The geometry of a window that is not in full screen."""
    if window.isMaximized():
        size = window.normalGeometry()
        return Geometry(size.width(), size.height(), size.x(), size.y(), maximized=True)
    return Geometry(window.width(), window.height(), window.x(), window.y())


def restore_geometry(window: QMainWindow, geometry: Geometry) -> None:
    """Give a window that is not shown yet its geometry, as far as it fits on the screens there are now."""
    position = QPoint(geometry.x, geometry.y)
    screens = [each.availableGeometry() for each in QGuiApplication.screens()]
    around = [each for each in screens if each.contains(QRect(position, _GRIP))]
    size = QSize(geometry.width, geometry.height).expandedTo(_LEAST)
    room = (around or screens)[:1]
    if room:
        size = size.boundedTo(room[0].size())
    window.resize(size)
    if around:
        # All of it must be on the screen, as it was when another scale factor or a larger screen was in use.
        corner = QPoint(room[0].right() + 1 - size.width(), room[0].bottom() + 1 - size.height())
        window.move(min(position.x(), corner.x()), min(position.y(), corner.y()))
    if geometry.maximized:
        window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)
