"""Opens the menus by a key, also while input goes to the guest and where the menu bar is hidden.

An open menu has the keyboard: Qt grabs it on X11, and on Wayland the menu is a popup that has it. When the menu is
closed, the focus is where it was, so the keys go to the guest again.
"""

from collections.abc import Callable

from PyQt6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt
from PyQt6.QtGui import QAction, QKeyEvent
from PyQt6.QtWidgets import QMainWindow, QMenu, QMenuBar, QWidget

from ui.window.actions.actions import MENUS
from ui.window.actions.shortcuts import Shortcuts

_NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class MenuOpener(QObject):
    """Owns the action that opens the menus of one window.

    ``picture`` is the widget that has the guest's keys. ``opened`` is called before a menu opens that the bar does not
    have: the guest saw the first keys of the shortcut.
    """

    def __init__(
        self, window: QMainWindow, picture: QWidget, shortcuts: Shortcuts, opened: Callable[[], object]
    ) -> None:
        super().__init__(window)
        self._window = window
        self._picture = picture
        self._opened = opened
        action = QAction(MENUS.text, window)
        action.setAutoRepeat(False)
        shortcuts.bind(action, MENUS.key)
        action.triggered.connect(self.open)
        # No menu has it, so the window does.
        window.addAction(action)

    def open(self) -> None:
        """Open the first menu, with its first entry chosen.

        Where the menu bar is hidden it stays so: a guest that follows the window would get another resolution. Then one
        menu over the picture has all the others.
        """
        bar = self._bar()
        if not bar.isVisible():
            self._popup(self._picture.mapToGlobal(QPoint(0, 0)), choose=True)
            return
        first = next(each for each in bar.actions() if each.isVisible() and each.isEnabled())
        bar.setActiveAction(first)
        _choose_first(first.menu())
        self._watch()

    def popup_at_pointer(self) -> None:
        """Open one menu with all menus at the pointer."""
        self._popup(self._window.cursor().pos(), choose=False)

    def _popup(self, where: QPoint, *, choose: bool) -> None:
        popup = QMenu("Menus", self._window)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        popup.addActions(self._bar().actions())
        self._opened()
        popup.popup(where)
        if choose:
            _choose_first(popup)

    def shut_down(self) -> None:
        """Look at no more events: the window is closed, and nothing may run while its widgets are destroyed."""
        for menu in self._menus():
            menu.removeEventFilter(self)

    def _watch(self) -> None:
        for menu in self._menus():
            # An object is once in the list of filters, however often it is installed.
            menu.installEventFilter(self)

    def _menus(self) -> list[QMenu]:
        menus = (each.menu() for each in self._bar().actions())
        return [each for each in menus if each is not None]

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """Escape closes a menu of the bar at once.

        Qt would give the focus to the bar, where the next keys open menus, and on X11 would go to the guest meanwhile.
        """
        if not (isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and isinstance(watched, QMenu)):
            return super().eventFilter(watched, event)
        bar = self._bar()
        if bar.activeAction() is not watched.menuAction():
            # The same menu within another one, where Escape goes back to that.
            return super().eventFilter(watched, event)
        if event.type() == QEvent.Type.KeyPress:
            watched.hide()
            bar.setActiveAction(None)
            self._picture.setFocus()
        return True

    def _bar(self) -> QMenuBar:
        bar = self._window.menuBar()
        assert bar is not None
        return bar


def _choose_first(menu: QMenu | None) -> None:
    """Choose the first entry as the user would: QMenu.setActiveAction would also open it where it is a menu."""
    if menu is not None:
        QCoreApplication.sendEvent(menu, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Down, _NO_MODIFIER))
