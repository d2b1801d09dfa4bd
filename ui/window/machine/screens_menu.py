"""The menu of the other screens that the VM has beside the one that the window shows."""

from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMenu

from app.open.session import ConsoleChoice
from ui.window.widgets.off_row import menu_text

_LONGEST = 70


class ScreensMenu(QObject):
    """A menu within another one. It is hidden unless the VM has several screens.

    It asks for the screens when the other menu opens, because a VM may get and lose some while it runs.
    """

    chosen = pyqtSignal(str)
    """Carries the TARGET of the screen that the user chose."""

    def __init__(self, before: QAction) -> None:
        """``before`` is the row of the other menu that follows this one."""
        super().__init__(before.parent())
        self._consoles: Callable[[], tuple[ConsoleChoice, ...]] = tuple
        self._choices: tuple[ConsoleChoice, ...] = ()
        self._group = QActionGroup(self)
        self._menu = QMenu("Screens &of this VM")
        self._menu.setToolTipsVisible(True)
        for menu in before.associatedObjects():
            if isinstance(menu, QMenu):
                menu.insertMenu(before, self._menu)
                menu.aboutToShow.connect(self._update)
                self._menu.setParent(menu, self._menu.windowFlags())
        self._update()

    def set_consoles(self, consoles: Callable[[], tuple[ConsoleChoice, ...]]) -> None:
        """Offer the screens of another session from now on: its :attr:`app.open.session.Session.consoles`."""
        self._consoles = consoles
        self._update()

    def _update(self) -> None:
        choices = self._consoles()
        if choices != self._choices:
            self._choices = choices
            self._fill()
        row = self._menu.menuAction()
        assert row is not None
        row.setVisible(len(choices) > 1)

    def _fill(self) -> None:
        self._menu.clear()
        for choice in self._choices:
            action = QAction(menu_text(choice.text, _LONGEST), self._menu)
            action.setCheckable(True)
            action.setChecked(choice.shown)
            self._group.addAction(action)
            action.triggered.connect(lambda _, each=choice: self._choose(each))
            self._menu.addAction(action)

    def _choose(self, choice: ConsoleChoice) -> None:
        # A screen is checked when the window shows it.
        for action, each in zip(self._menu.actions(), self._choices, strict=True):
            action.setChecked(each.shown)
        if not choice.shown:
            self.chosen.emit(choice.target)
