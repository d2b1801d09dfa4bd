"""The size of the main window: that of the guest's picture, until the user or the desktop says another one."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPoint, QSize, QTimer
from PyQt6.QtGui import QGuiApplication, QResizeEvent
from PyQt6.QtWidgets import QDockWidget, QMainWindow

from app.planes.placement import Scaling
from ui.window.picture.picture_window import PictureWindow
from ui.window.zoom.picture_size import picture_size
from ui.window.zoom.scrolled_picture import ScrolledPicture

# On X11 the new size and the new state of a window that is maximised come in any order, soon after each other.
_SETTLED_MS = 300
# What a window manager puts around a window, about; known only after the window is shown, and on Wayland never.
_FRAME = QSize(16, 48)
# Wayland does not tell which part of the screen the panels of the desktop cover.
_PANEL = QSize(0, 48)
# Without a picture.
_DEFAULT = QSize(1024, 700)


class WindowSize(QObject):
    """Keeps ``window`` as large as the guest's picture needs, also when the guest changes its mode.

    It stops for good when the window gets a size that this program did not ask for: the user resized it, or the
    desktop decides. A window that is maximised or in fullscreen is left alone, and comes back with the size of the
    picture. While the guest follows the window, the window does not follow the guest.
    """

    def __init__(
        self, window: QMainWindow, picture: PictureWindow, place: ScrolledPicture, guest_follows: Callable[[], bool]
    ) -> None:
        """``place`` has the picture and its scroll bars."""
        super().__init__(window)
        self._window = window
        self._picture = picture
        self._place = place
        self._guest_follows = guest_follows
        # What the last size was made for: the rotated picture, and the window's bars around it.
        self._seen: tuple[int, int] | None = None
        self._around: QSize | None = None
        # The last size that this program asked for.
        self._asked = QSize()
        self._fixed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED_MS)
        self._timer.timeout.connect(self._settled)
        window.resize(_DEFAULT.boundedTo(self._room()))
        for watched in (window, place):
            watched.installEventFilter(self)
        picture.state_changed.connect(self.update)

    @property
    def fixed(self) -> bool:
        """Whether the window has a size that the user or the desktop decided, even if only a moment ago."""
        return self._fixed or (self._timer.isActive() and self._is_normal() and self._is_resized())

    def _is_resized(self) -> bool:
        size = self._window.size()
        # A scale factor like 1.5 may add or take a pixel.
        return max(abs(size.width() - self._asked.width()), abs(size.height() - self._asked.height())) > 1

    def fix(self) -> None:
        """Leave the size of the window alone from now on."""
        self._fixed = True

    def update(self) -> None:
        """Resize the window if the guest's picture has another size, or is rotated, since the last time."""
        seen = self._seen_size()
        if seen is None or seen == self._seen or not self._may_resize():
            return
        if self._guest_follows():
            self._seen = seen
            return
        self._resize(seen)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """Watch the sizes and the state of the window; never takes an event."""
        match event:
            case QResizeEvent():
                # Qt marks the events of the window system as spontaneous.
                if watched is self._window and not event.spontaneous():
                    self._asked = event.size()
                self._timer.start()
            case QEvent() if watched is self._window and event.type() == QEvent.Type.WindowStateChange:
                self._timer.start()
            case QEvent() if watched is self._window and event.type() == QEvent.Type.Show:
                self.update()
        return False

    def _settled(self) -> None:
        if self._fixed or not self._window.isVisible() or not self._is_normal():
            return
        if self._is_resized():
            self._fixed = True
        elif self._seen is not None and self._bars_changed() and not self._guest_follows():
            self._resize(self._seen)
        else:
            self.update()

    def _bars_changed(self) -> bool:
        """Whether a bar of the window came or went. A dock makes its own room, where the desktop has any."""
        docks = self._window.findChildren(QDockWidget)
        return self._bars() != self._around and not any(each.isVisible() and not each.isFloating() for each in docks)

    def _is_normal(self) -> bool:
        return not (self._window.isFullScreen() or self._window.isMaximized() or self._window.isMinimized())

    def _may_resize(self) -> bool:
        return not self.fixed and self._is_normal()

    def _seen_size(self) -> tuple[int, int] | None:
        primary = self._picture.frame.primary
        if primary is None:
            return None
        width, height = primary.plane.width, primary.plane.height
        return (height, width) if self._picture.options.rotation.sideways else (width, height)

    def _bars(self) -> QSize:
        """What the menus, the status line and other bars take of the window."""
        layout = self._window.layout()
        if layout is not None:
            layout.activate()
        return self._window.size() - self._place.size()

    def _room(self) -> QSize:
        """The largest size of the window on its screen."""
        screen = self._window.screen()
        if screen is None:
            return _DEFAULT
        frame = (self._window.frameGeometry().size() - self._window.size()).expandedTo(_FRAME)
        if QGuiApplication.platformName().startswith("wayland"):
            frame += _PANEL
        return screen.availableGeometry().size() - frame

    def _resize(self, seen: tuple[int, int]) -> None:
        self._seen, self._around = seen, self._bars()
        room = (self._room() - self._around).expandedTo(self._place.minimumSizeHint()).expandedTo(QSize(1, 1))
        percent = 100 if self._picture.options.scaling is Scaling.ACTUAL else None
        width, height = picture_size(
            seen,
            (room.width(), room.height()),
            self._window.devicePixelRatioF(),
            self._picture.zoom.percent or percent,
            self._place.thickness,
        )
        self._window.resize(QSize(width, height) + self._around)
        if self._window.isVisible() and QGuiApplication.platformName() == "xcb":
            self._move_onto_screen()

    def _move_onto_screen(self) -> None:
        """Move a window that grew to the right and down back onto its screen."""
        screen = self._window.screen()
        if screen is None:
            return
        room, frame = screen.availableGeometry(), self._window.frameGeometry()
        left = max(room.left(), min(frame.left(), room.right() + 1 - frame.width()))
        top = max(room.top(), min(frame.top(), room.bottom() + 1 - frame.height()))
        if frame.topLeft() != QPoint(left, top):
            self._window.move(left, top)
