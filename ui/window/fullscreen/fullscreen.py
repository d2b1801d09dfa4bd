"""Fullscreen: the user's action, the window manager's own fullscreen, and the bar at the top edge."""

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QEvent, QObject, QPointF, QSize, Qt, QTimer
from PyQt6.QtGui import QAction, QMouseEvent, QResizeEvent, QWindowStateChangeEvent
from PyQt6.QtWidgets import QMainWindow, QMenu

from ui.window.actions.actions import Menu
from ui.window.actions.shortcuts import Shortcuts
from ui.window.fullscreen.bar import FullscreenBar
from ui.window.fullscreen.watched import Watched
from ui.window.picture.picture_window import PictureWindow

# The pointer stays at the edge for this time before the bar comes: a guest has its own things at its top edge.
_DWELL_MS = 250
# The bar goes this long after the pointer left it, after one of its menus was closed, and after it came by itself.
_LEFT_MS = 700
_MENU_CLOSED_MS = 2000
_INTRODUCTION_MS = 3000

_FULL = Qt.WindowState.WindowFullScreen
_MAXIMISED = Qt.WindowState.WindowMaximized
_NOTHING = Qt.WindowState.WindowNoState


class Fullscreen(QObject):
    """Keeps the action, the bars and the window's state in step. ``name`` is what the window shows.

    Whoever changes the state, the user by the action or the window manager by its own means, the bars follow the state
    that the window has. Call :meth:`connect_actions` and :meth:`set_bars` before the window is shown.
    """

    def __init__(
        self, window: QMainWindow, picture: PictureWindow, shortcuts: Shortcuts, name: Callable[[], str]
    ) -> None:
        super().__init__(window)
        self._window, self._picture, self._shortcuts, self._name = window, picture, shortcuts, name
        self._actions: Mapping[str, QAction] = {}
        # Which bars the window has outside fullscreen, by the keys of their actions.
        self._bars_before: dict[str, bool] = {}
        self._maximised_before = False
        self._size_before = QSize()
        # Fullscreen was left, and the size that the desktop gives the window has not come yet.
        self._is_size_awaited = False
        self._is_full = False
        self._bar: FullscreenBar | None = None
        self._dwell = self._timer(self._on_dwell)
        self._hide = self._timer(self._hide_bar)
        self._watched = Watched(window, picture)
        window.installEventFilter(self)
        picture.installEventFilter(self)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def connect_actions(self, actions: Mapping[str, QAction]) -> None:
        """``actions`` are those of the window, by their keys."""
        self._actions = actions
        actions["fullscreen-bar"].setEnabled(False)

    def set_bars(self, shown: Mapping[str, bool]) -> None:
        """Which bars the window has outside fullscreen, by the keys of their actions."""
        self._bars_before = dict(shown)
        if not self._is_full:
            self._show_bars()

    def _show_bars(self) -> None:
        for key, shown in self._bars_before.items():
            self._actions[key].setChecked(shown and not self._is_full)

    def set(self, on: bool) -> None:
        """Enter or leave fullscreen, on the screen where the window is."""
        state = self._window.windowState()
        if on is bool(state & _FULL):
            return
        if on:
            # Qt's showFullScreen() would forget that the window is maximised.
            self._window.setWindowState(state | _FULL)
            if self._window.isVisible():
                self._show_bar(_INTRODUCTION_MS)
        else:
            self._window.setWindowState(state & ~_FULL | (_MAXIMISED if self._maximised_before else _NOTHING))

    def open_menu(self) -> None:
        """Show the bar and open its menu."""
        if self._is_full:
            self._made_bar().show_name(self._name())
            self._made_bar().open_menu()
            self._hide.start(_LEFT_MS)

    def close(self) -> None:
        """The window is about to be closed."""
        for each in (self._window, self._picture):
            each.removeEventFilter(self)
        self._dwell.stop()
        self._hide_now()
        self._watched.close()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """Look at the events of the window and of the picture; all of them go on."""
        match event:
            case QWindowStateChangeEvent() if watched is self._window:
                self._follow(event.oldState())
            case QMouseEvent() if self._is_full and event.type() == QEvent.Type.MouseMove:
                self._pointer_at(event.globalPosition(), pressed=event.buttons() != Qt.MouseButton.NoButton)
            case QEvent() if self._is_full and event.type() == QEvent.Type.Leave:
                self._dwell.stop()
            case QResizeEvent():
                if self._bar is not None:
                    self._bar.place()
                if watched is self._window and not self._is_full and self._is_size_awaited:
                    self._is_size_awaited = False
                    self._restore_size(event.size())
        return False

    def _follow(self, before: Qt.WindowState) -> None:
        is_full = self._window.isFullScreen()
        if is_full is self._is_full:
            return
        if is_full:
            self._maximised_before = bool(before & _MAXIMISED)
            self._size_before = self._window.normalGeometry().size()
            self._bars_before = {key: self._actions[key].isChecked() for key in self._bars_before}
            handle = self._window.windowHandle()
            if handle is not None:
                # It gets the motion over every widget, also over those without mouse tracking.
                handle.installEventFilter(self)
        self._is_full = is_full
        action = self._actions["fullscreen"]
        action.setChecked(is_full)
        self._actions["fullscreen-bar"].setEnabled(is_full)
        self._show_bars()
        self._watched.set_fullscreen(is_full)
        if is_full:
            how = self._shortcuts.how
            self._picture.notice(
                f"{how('fullscreen')} leaves fullscreen, {how('menus')} opens the menus, {how('keys')} lists the keys",
                self._window.isFullScreen,
            )
        else:
            self._hide_now()
            self._is_size_awaited = not self._maximised_before
            # After this event. Openbox gives the window its size again, but not the state.
            QTimer.singleShot(0, self._maximise_again)

    def _maximise_again(self) -> None:
        if self._maximised_before and not self._is_full and not self._window.isMaximized():
            self._window.setWindowState(self._window.windowState() | _MAXIMISED)

    def _restore_size(self, size: QSize) -> None:
        """Mend a size that lacks the frame, as Qt's own frame on Wayland makes it each time fullscreen is left.

        The desktop gives back the size of the window without its frame, and Qt subtracts the frame from that.
        """
        frame = self._window.frameGeometry().size() - self._window.size()
        if not frame.isNull() and size == self._size_before - frame:
            # After this event, which is for the other size.
            QTimer.singleShot(0, lambda: self._window.resize(self._size_before))

    def _pointer_at(self, position: QPointF, *, pressed: bool) -> None:
        y = self._window.mapFromGlobal(position).y()
        shown = self._bar is not None and self._bar.isVisible()
        if shown:
            assert self._bar is not None
            if y > self._bar.height() and not self._hide.isActive():
                self._hide.start(_LEFT_MS)
        elif y >= 1 or pressed:
            self._dwell.stop()
        elif not self._dwell.isActive():
            self._dwell.start(_DWELL_MS)

    def _on_dwell(self) -> None:
        if self._is_full:
            self._show_bar()

    def _made_bar(self) -> FullscreenBar:
        if self._bar is None:
            self._bar = FullscreenBar(self._window, self._send_menu(), self._actions["grab"])
            self._bar.leave_wanted.connect(lambda: self.set(False))
            self._bar.hovered.connect(self._on_hovered)
            # The pointer may be over the bar again, which is told by its next motion.
            self._bar.menu_closed.connect(lambda: self._hide.start(_MENU_CLOSED_MS))
        return self._bar

    def _send_menu(self) -> QMenu:
        bar = self._window.menuBar()
        assert bar is not None
        (menu,) = (each.menu() for each in bar.actions() if each.text() == Menu.SEND.value)
        assert isinstance(menu, QMenu)
        return menu

    def _show_bar(self, for_ms: int = 0) -> None:
        """Show the bar: for this time, or until the pointer has gone."""
        bar = self._made_bar()
        bar.show_name(self._name())
        bar.appear()
        if for_ms:
            self._hide.start(for_ms)
        else:
            self._hide.stop()

    def _on_hovered(self, inside: bool) -> None:
        if inside:
            self._hide.stop()
        else:
            self._hide.start(_LEFT_MS)

    def _hide_bar(self) -> None:
        if self._bar is not None and (self._bar.underMouse() or self._bar.menu_is_open):
            self._hide.start(_LEFT_MS)
        else:
            self._hide_now()

    def _hide_now(self) -> None:
        self._hide.stop()
        if self._bar is not None:
            self._bar.hide()
