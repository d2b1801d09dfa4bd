"""Whether a guest is watched in fullscreen: then the desktop does not blank the screen."""

import logging
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QMainWindow

from app.planes.status import State, Status
from ui.window.picture.picture_window import PictureWindow
from ui.window.wayland.wayland_idle import WaylandIdle, wayland_idle

if TYPE_CHECKING:
    from ui.window.fullscreen.blanking import Blanking

_log = logging.getLogger(__name__)


def is_watched(status: Status, *, fullscreen: bool, exposed: bool) -> bool:
    """Whether a picture of a guest can be seen now: one without a picture may be as old as the VM's last start."""
    return fullscreen and exposed and status.state in (State.SHOWING, State.DEGRADED)


class Watched(QObject):
    """Inhibits blanking while a guest is watched in fullscreen, and at no other time."""

    def __init__(self, window: QMainWindow, picture: PictureWindow) -> None:
        super().__init__(window)
        self._window, self._picture = window, picture
        self._fullscreen = self._has_asked = False
        self._blanking: Blanking | None = None
        self._compositor: WaylandIdle | None = None
        picture.state_changed.connect(self._update)
        picture.installEventFilter(self)

    def set_fullscreen(self, on: bool) -> None:
        """The window is in fullscreen, or no more."""
        self._fullscreen = on
        self._update()

    def close(self) -> None:
        """The window is about to be closed."""
        self._picture.removeEventFilter(self)
        self._picture.state_changed.disconnect(self._update)
        self.set_fullscreen(False)
        if self._compositor is not None:
            self._compositor.close()

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """The desktop shows the window or hides it. The event goes on."""
        if self._fullscreen and event is not None and event.type() == QEvent.Type.Expose:
            self._update()
        return False

    def _update(self) -> None:
        wanted = is_watched(self._picture.status, fullscreen=self._fullscreen, exposed=self._picture.isExposed())
        if wanted and not self._has_asked:
            self._has_asked = True
            self._blanking, self._compositor = _blanking(self), wayland_idle()
        if self._blanking is not None:
            self._blanking.inhibit(wanted)
        handle = self._window.windowHandle()
        if self._compositor is not None and handle is not None:
            self._compositor.inhibit(int(handle.winId()) if wanted else 0)


def _blanking(parent: QObject) -> "Blanking | None":
    """Imported here: a window that never is in fullscreen needs no session bus, and a distribution may lack QtDBus."""
    try:
        from ui.window.fullscreen.blanking import Blanking  # noqa: PLC0415
    except ImportError as error:
        _log.info("the screen may be blanked: %s", error)
        return None
    return Blanking(parent)
