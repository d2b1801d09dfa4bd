"""Who has the keyboard: the guest's picture, or what else is in the window."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QMainWindow, QMenuBar, QWidget


class KeyboardFocus(QObject):
    """Takes the keyboard from the picture, and gives it back at Escape.

    While input goes to the guest, Tab goes there too: this is how the bars and docks are reached without a mouse.
    """

    def __init__(self, window: QMainWindow, picture: QWidget, open_menus: Callable[[], object]) -> None:
        """``picture`` is the widget that has the guest's keys. ``open_menus`` is for a window that has nothing else."""
        super().__init__(window)
        self._window = window
        self._picture = picture
        self._open_menus = open_menus
        window.installEventFilter(self)

    def shut_down(self) -> None:
        """Look at no more events: the window is closed, and nothing may run while its widgets are destroyed."""
        self._window.removeEventFilter(self)

    def switch(self) -> bool:
        """Give the keyboard to the next widget of the window; where one has it already, back to the picture.

        Returns whether a widget of the window has it now.
        """
        if not self._picture.hasFocus():
            self.give_back()
            return False
        widget = self._next()
        if widget is None:
            self._open_menus()
            return False
        # On X11 the picture is a window of its own, which has the keyboard.
        self._window.activateWindow()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def give_back(self) -> None:
        """Give the keyboard to the picture."""
        self._window.activateWindow()
        self._picture.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """Escape that nobody in the window used."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
            and not self._picture.hasFocus()
        ):
            self.give_back()
            return True
        return super().eventFilter(watched, event)

    def _next(self) -> QWidget | None:
        each = self._picture.nextInFocusChain()
        while each is not None and each is not self._picture:
            takes = each.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
            in_window = each.window() is self._window and not isinstance(each, QMenuBar)
            if takes and in_window and each.isVisible() and each.isEnabled():
                return each
            each = each.nextInFocusChain()
        return None
