"""The grab: every key goes to the guest, also the desktop's shortcuts, and a relative pointer stays in the window.

On X11, Qt grabs both, and the pointer is moved back to the middle when it comes near an edge. On Wayland the
compositor is asked, by protocols that Qt does not know (ui/window/wayland/wayland_grab.py). If the desktop has neither,
the pointer still moves the guest's pointer, but only up to the window's edge.
"""

from PyQt6.QtCore import QObject, QPoint, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QCursor, QGuiApplication, QMouseEvent, QWindow

from app.input.warp import Warp
from ui.window.wayland.wayland_grab import wayland_grab

_COMPRESS = Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents


class Grab(QObject):
    """The grab of one window. ``moved`` is the relative motion of the pointer in device pixels."""

    changed = pyqtSignal()
    moved = pyqtSignal(float, float)

    def __init__(self, window: QWindow) -> None:
        super().__init__(window)
        self._window = window
        self._active = False
        self._warp: Warp | None = None
        self._last: QPointF | None = None
        self._follows = False
        self._locked = False
        self._wayland = wayland_grab(self._wayland_moved, self._wayland_locked)

    @property
    def active(self) -> bool:
        return self._active

    @property
    def follows(self) -> bool:
        """Whether mouse events go to :meth:`follow`: their motion matters, and not their position."""
        return self._follows

    @property
    def locked(self) -> bool:
        """Whether the pointer cannot leave the window, and must be hidden."""
        return self._locked

    def begin(self, *, lock_pointer: bool) -> str:
        """Start the grab. Returns a text on what this desktop does not support, empty when it supports all."""
        self.end()
        self._active = True
        self._follows = lock_pointer
        problem = ""
        if QGuiApplication.platformName() == "xcb":
            self._window.setKeyboardGrabEnabled(True)
            if lock_pointer:
                self._begin_x11()
        else:
            if self._wayland is not None:
                self._wayland.begin(lock_pointer=lock_pointer)
            if lock_pointer and (self._wayland is None or not self._wayland.can_lock):
                problem = "this desktop cannot hold the pointer, which stops at the window's edge"
        self.changed.emit()
        return problem

    def _begin_x11(self) -> None:
        width, height = self._window.width(), self._window.height()
        start, middle = QCursor.pos(), self._window.mapToGlobal(QPoint(width // 2, height // 2))
        self._window.setMouseGrabEnabled(True)
        self._warp = Warp((start.x(), start.y()), (middle.x(), middle.y()), max(1.0, min(width, height) / 4))
        self._locked = True
        # Otherwise Qt merges a motion and the jump after it, and passes on only the jump.
        QGuiApplication.setAttribute(_COMPRESS, False)
        QCursor.setPos(middle)

    def end(self) -> None:
        """Release the grab; more calls do nothing."""
        if not self._active:
            return
        self._active = self._follows = self._locked = False
        self._last = None
        if QGuiApplication.platformName() == "xcb":
            self._window.setKeyboardGrabEnabled(False)
            if self._warp is not None:
                self._window.setMouseGrabEnabled(False)
                QGuiApplication.setAttribute(_COMPRESS, True)
        elif self._wayland is not None:
            self._wayland.end()
        self._warp = None
        self.changed.emit()

    def close(self) -> None:
        """Release the grab and everything else. It cannot be used again."""
        self.blockSignals(True)
        self.end()
        if self._wayland is not None:
            self._wayland.close()

    def hover(self, inside: bool) -> None:
        """The pointer entered or left the window."""
        if self._wayland is not None:
            self._wayland.entered(inside)

    def _wayland_moved(self, x: float, y: float) -> None:
        """A motion from the compositor, in Qt's units."""
        ratio = self._window.devicePixelRatio()
        self.moved.emit(x * ratio, y * ratio)

    def _wayland_locked(self, on: bool) -> None:
        self._locked = on
        self.changed.emit()

    def follow(self, event: QMouseEvent) -> None:
        """A mouse event, while :attr:`follows` is set."""
        if self._wayland is not None and self._wayland.can_lock:
            return
        position = event.globalPosition()
        ratio = self._window.devicePixelRatio()
        if self._warp is not None:
            (x, y), jump = self._warp.moved(position.x(), position.y())
            if jump:
                QCursor.setPos(*self._warp.middle)
        else:
            last = self._last if self._last is not None else position
            x, y = position.x() - last.x(), position.y() - last.y()
            self._last = position
        if x or y:
            self.moved.emit(x * ratio, y * ratio)
