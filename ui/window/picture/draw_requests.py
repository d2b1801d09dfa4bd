"""When the window of the picture asks its display for a picture."""

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtOpenGL import QOpenGLWindow

from app.planes.frame import Frame
from ui.window.picture.qt_frame_loop import QtFrameLoop

# During a mode switch the device has no plane for a few frames. For this time nothing is drawn and the last picture
# stays on the screen; then a page replaces it (:mod:`ui.window.page.picture_area`).
GRACE_MS = 150
_GRACE_NS = GRACE_MS * 1_000_000
# A display that does not ask for a picture for so long does not show the window. The slowest has 24 refreshes a second.
_COVERED_NS = 250_000_000


class DrawRequests(QObject):
    """Asks for a picture whenever the loop wants one, unless the window is hidden, or was without a plane just now.

    Tells the loop whether the window can be seen.
    """

    def __init__(self, window: QOpenGLWindow, loop: QtFrameLoop, clock: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(window)
        self._window = window
        self._clock = clock
        self._off_since_ns: int | None = None
        # When the display was asked; None while it waits for no picture.
        self._asked_ns: int | None = None
        self.set_loop(loop)

    def set_loop(self, loop: QtFrameLoop) -> None:
        """Another loop wants pictures from now on. The caller closes the one before."""
        self._loop, self._off_since_ns = loop, None
        loop.due.connect(self.ask)
        loop.set_visible(self._window.isExposed())

    def ask(self) -> None:
        """A picture is due."""
        if not self._window.isExposed() or self._in_grace():
            return
        now = self._clock()
        if self._asked_ns is None:
            self._asked_ns = now
        elif now - self._asked_ns > _COVERED_NS:
            # A compositor sends no frame callbacks for a window that is covered.
            self._loop.set_visible(False)
        # On Wayland this waits for the next frame callback. Asked again meanwhile, Qt still draws once.
        self._window.requestUpdate()

    def saw(self, frame: Frame) -> None:
        """The loop has another frame."""
        if frame.primary is not None:
            self._off_since_ns = None
        elif self._off_since_ns is None:
            self._off_since_ns = self._clock()
            QTimer.singleShot(GRACE_MS + 1, self._window.update)

    def drawing(self) -> None:
        """The display asks for a picture, which is drawn now."""
        if self._asked_ns is not None:
            self._asked_ns = None
            self._loop.set_visible(True)

    def exposed(self) -> None:
        """The display shows the window, or hides it."""
        self._asked_ns = None
        self._loop.set_visible(self._window.isExposed())
        if self._window.isExposed():
            self._window.update()

    def _in_grace(self) -> bool:
        return self._off_since_ns is not None and self._clock() - self._off_since_ns < _GRACE_NS
