"""The rows of the Machine menu that act on the whole VM: which can be used now, and why the others cannot."""

from collections.abc import Mapping

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu

from app.vm.power import PowerAction
from ui.window.machine.power import Power
from ui.window.widgets.menu_words import menu_words
from ui.window.widgets.off_row import menu_text
from ui.window.widgets.tool_tip import plain_tool_tip

_ROWS = {
    "power-down": PowerAction.POWERDOWN,
    "reset": PowerAction.RESET,
    "pause": PowerAction.PAUSE,
    "resume": PowerAction.RESUME,
    "force-off": PowerAction.FORCE_OFF,
}
_TIPS = {
    "power-down": "Press the guest's power button: it powers off if it is set up so",
    "reset": "Start the VM again at once. What the guest has not saved is lost",
    "pause": "Stop the VM's processors",
    "resume": "Let the VM's processors go on",
    "force-off": "End the VM at once. What the guest has not saved is lost",
}
# In these states a VM may be paused; in the others it may be resumed.
_PAUSABLE = (None, "running", "suspended")
_LONGEST = 70


class PowerRows:
    """Shows the state of a :class:`Power` in the actions of these keys.

    A row that is off names the reason itself, and in its tool tip. A reason that all have in common is a row above
    them.
    """

    def __init__(self, actions: Mapping[str, QAction]) -> None:
        self._actions = {key: actions[key] for key in _ROWS}
        self._texts = {key: action.text() for key, action in self._actions.items()}
        first = self._actions["power-down"]
        self._reason = QAction(first.parent())
        self._reason.setEnabled(False)
        for menu in first.associatedObjects():
            if isinstance(menu, QMenu):
                menu.insertAction(first, self._reason)

    def show(self, power: Power, *, owned: bool) -> None:
        """``owned``: the VM is a child of this program, which can end it without its monitor."""
        why_not = menu_words(power.why_not)
        self._reason.setVisible(bool(why_not))
        self._reason.setText(f"Off: {menu_text(why_not, _LONGEST)}")
        self._reason.setToolTip(plain_tool_tip(why_not))
        pausable = power.run_state in _PAUSABLE
        for key, action in self._actions.items():
            reason = menu_words(power.refusal(_ROWS[key]))
            if owned and key in ("force-off", "power-down"):
                # The window shows what follows where the guest cannot be asked.
                reason = ""
            named = f" ({menu_text(reason, _LONGEST)})" if reason and not why_not else ""
            action.setText(self._texts[key] + named)
            action.setToolTip(plain_tool_tip(f"Off: {reason}" if reason else _TIPS[key]))
            action.setEnabled(not reason)
        self._actions["pause"].setVisible(pausable)
        # A VM that does not tell its state may be paused.
        self._actions["resume"].setVisible(not pausable or (power.run_state is None and not why_not))
