"""Which entries of the menus are radio items: exactly those of which one at a time is chosen."""

from PyQt6.QtWidgets import QMainWindow, QMenu, QStyleOptionMenuItem

from ui.window.actions.actions import ACTIONS
from ui.window.actions.menus import Handlers, add_menus
from ui.window.actions.shortcuts import Shortcuts
from ui.window.qt_application import new_application

_Check = QStyleOptionMenuItem.CheckType


class Drawn(QMenu):
    """Tells how the style is asked to draw an action."""

    def check_type(self, action: object) -> _Check:
        option = QStyleOptionMenuItem()
        self.initStyleOption(option, action)  # type: ignore[arg-type]
        return option.checkType


def nothing(*_arguments: object) -> None:
    pass


application = new_application()
window = QMainWindow()
actions = add_menus(window, Handlers({}, nothing, nothing, nothing, nothing), QMenu(), Shortcuts())
drawn = Drawn()
for spec in ACTIONS:
    wanted = _Check.Exclusive if spec.group else _Check.NonExclusive if spec.checkable else _Check.NotCheckable
    assert drawn.check_type(actions[spec.key]) is wanted, spec.key
