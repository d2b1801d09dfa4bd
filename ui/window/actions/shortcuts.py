"""The keys of the window's actions, as they are now. Every text that names a key asks here."""

from collections.abc import Mapping

from ui.window.actions.actions import ACTIONS


class Shortcuts:
    """The keys of each action, by the action's key in :mod:`ui.window.actions.actions`."""

    def __init__(self, keys: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """``keys`` are those of the actions whose keys differ from the table's."""
        self._keys = {each.key: each.shortcuts for each in ACTIONS} | dict(keys or {})

    def keys(self, action: str) -> tuple[str, ...]:
        """All keys of an action, in Qt's portable text ("Ctrl+Alt+G"); empty if it has none."""
        return self._keys[action]

    def text(self, action: str) -> str:
        """The first key of an action, for a sentence; empty if it has none."""
        return next(iter(self._keys[action]), "")
