"""The first row of a menu that is off: it says why, to be read without pointing at anything."""

from collections.abc import Iterable

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenuBar

from app.text.clean import clean_line

_LONGEST = 100


class OffRow:
    """Says why what is in some menus is off: in those menus of the bar that have one of the ``actions``."""

    def __init__(self, bar: QMenuBar | None, actions: Iterable[QAction]) -> None:
        assert bar is not None
        found = set(actions)
        self._actions: list[QAction] = []
        for menu in (each.menu() for each in bar.actions()):
            if menu is None or found.isdisjoint(menu.actions()):
                continue
            row = QAction(menu)
            row.setEnabled(False)
            first = menu.actions()[0]
            menu.insertAction(first, row)
            self._actions += [row, menu.insertSeparator(first)]
        self.show("")

    def show(self, why: str) -> None:
        """Show why, or no row if ``why`` is empty."""
        for action in self._actions:
            action.setVisible(bool(why))
            if not action.isSeparator():
                action.setText(f"Off: {menu_text(why, _LONGEST)}")


def menu_text(text: str, longest: int) -> str:
    """A text that a program chose, as a part of a menu's row: a menu takes "&" for the mark of a key."""
    return clean_line(text, longest).replace("&", "&&")
