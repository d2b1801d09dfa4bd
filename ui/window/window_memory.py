"""What one window remembers for the next one that shows the same VM."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from PyQt6.QtGui import QAction

from ui.window.actions.actions import ACTIONS, ActionSpec
from ui.window.picture.view_options import ViewOptions
from ui.window.settings import settings
from ui.window.settings.geometry import Geometry
from ui.window.settings.settings_text import PointerMode, Settings

VIEW_FIELDS = frozenset({"scaling", "smooth", "rotation", "flip_x", "flip_y"})
"""The fields of ViewOptions that are remembered; those of Settings have the same names."""
BARS = {"menu-bar": "menu_bar", "status-line": "status_line"}
"""The actions of the bars, and the fields of Settings."""


class WindowMemory:
    """The settings of what a window shows, with the user's choices in this window.

    ``given`` are the fields of ViewOptions that the command line gave. They count in this window and are not
    remembered, unless the user chooses them in the window. None: this window remembers nothing, and has the defaults.
    """

    def __init__(self, given: frozenset[str] | None = None) -> None:
        self.active = given is not None
        """Whether anything is saved."""
        self._given = given if given is not None else VIEW_FIELDS
        self._subject = ""
        self._chosen: set[str] = set()
        # The size of some other window is not for the VM that is waited for.
        self.settings = replace(settings.load(), geometry=None) if self.active else Settings()

    def show(self, subject: str, geometry: Geometry | None = None) -> bool:
        """The window shows another VM from now on. Returns whether its settings are other ones.

        Those of the VM before are saved, with the window's ``geometry``. What the user chose while there was no VM yet
        is for this one.
        """
        if not self.active or not subject or subject == self._subject:
            return False
        loaded = settings.load(subject)
        if self._subject:
            self.save(geometry)
            self._chosen.clear()
        else:
            loaded = replace(loaded, **{each: getattr(self.settings, each) for each in self._chosen})
        self._subject, self.settings = subject, loaded
        return True

    def view(self, options: ViewOptions) -> ViewOptions:
        """The options with what is remembered, where the command line gave nothing."""
        return replace(options, **{each: getattr(self.settings, each) for each in VIEW_FIELDS - self._given})

    def choose(self, name: str, value: Any) -> None:
        """The user chose the value of a field of Settings in the window."""
        self.settings = replace(self.settings, **{name: value})
        self._given -= {name}
        self._chosen.add(name)

    def save(self, geometry: Geometry | None) -> None:
        """Save the settings for the next window; ``geometry`` is None where it is not known."""
        if self.active:
            kept = geometry if geometry is not None else self.settings.geometry
            settings.save(replace(self.settings, geometry=kept), self._subject, self._chosen)

    def watch(self, actions: Mapping[str, QAction], is_fullscreen: Callable[[], bool]) -> None:
        """Remember what the user chooses with these actions. In fullscreen the bars are shown for the moment only."""
        for spec in ACTIONS:
            if spec.key in BARS or (spec.option is not None and spec.option.field in VIEW_FIELDS):
                actions[spec.key].triggered.connect(partial(self._on_triggered, spec, is_fullscreen))
        for mode in PointerMode:
            actions[f"pointer-{mode.value}"].triggered.connect(partial(self._on_pointer, mode))

    def _on_pointer(self, mode: PointerMode, _checked: bool = False) -> None:
        self.choose("pointer", mode)

    def _on_triggered(self, spec: ActionSpec, is_fullscreen: Callable[[], bool], checked: bool) -> None:
        if spec.option is not None:
            # An action of a group is only ever switched on by the user.
            self.choose(spec.option.field, spec.option.checked if checked or spec.group else spec.option.unchecked)
        elif not is_fullscreen():
            self.choose(BARS[spec.key], checked)
