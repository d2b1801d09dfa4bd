"""What one window remembers for the next one that shows the same VM."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow

from ui.window.actions.actions import ACTIONS, ActionSpec
from ui.window.picture.view_options import ViewOptions
from ui.window.settings import settings
from ui.window.settings.geometry import geometry_of, restore_geometry
from ui.window.settings.settings_text import PointerMode, Settings
from ui.window.zoom.window_size import WindowSize

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
        # None before anything is shown.
        self._subject: str | None = None
        self._chosen: set[str] = set()
        self._window: QMainWindow | None = None
        self._size: WindowSize | None = None
        self.settings = settings.load() if self.active else Settings()

    def attach(self, window: QMainWindow, size: WindowSize, actions: Mapping[str, QAction]) -> None:
        """Give a window that is not shown yet its remembered size, and remember what the user does with it.

        Both bars are shown, and so their actions are checked from now on.
        """
        self._window, self._size = window, size
        for key in BARS:
            actions[key].setChecked(True)
        for spec in ACTIONS:
            if spec.key in BARS or (spec.option is not None and spec.option.field in VIEW_FIELDS):
                actions[spec.key].triggered.connect(partial(self._on_triggered, spec))
        for mode in PointerMode:
            actions[f"pointer-{mode.value}"].triggered.connect(partial(self._on_pointer, mode))
        self._restore_size()

    def show(self, subject: str) -> bool:
        """The window shows this subject from now on (:mod:`ui.window.settings.subject`).

        Returns whether its settings are other ones. Those of the one before are saved; what the user chose while there
        was none yet is for this one. The window gets the remembered size, unless the user has resized it.
        """
        if not self.active or subject == self._subject:
            return False
        if self._subject is None:
            chosen = {each: getattr(self.settings, each) for each in self._chosen}
        else:
            self.save()
            chosen = {}
            self._chosen.clear()
        self._subject, self.settings = subject, replace(settings.load(subject), **chosen)
        self._restore_size()
        return True

    def _restore_size(self) -> None:
        geometry, window, size = self.settings.geometry, self._window, self._size
        if self._subject is None or geometry is None or window is None or size is None:
            return
        if not size.fixed and not window.isFullScreen():
            restore_geometry(window, geometry)
            size.fix()

    def view(self, options: ViewOptions) -> ViewOptions:
        """The options with what is remembered, where the command line gave nothing."""
        return replace(options, **{each: getattr(self.settings, each) for each in VIEW_FIELDS - self._given})

    def choose(self, name: str, value: Any) -> None:
        """The user chose the value of a field of Settings in the window."""
        self.settings = replace(self.settings, **{name: value})
        self._given -= {name}
        self._chosen.add(name)

    def save(self) -> None:
        """Save the settings for the next window. Its size counts where the user or the desktop decided it."""
        if not self.active:
            return
        window, size = self._window, self._size
        if window is not None and size is not None:
            # A user may close the window at once after resizing it.
            is_decided = size.fixed or size.differs or window.isMaximized()
            if is_decided and not window.isFullScreen():
                self.settings = replace(self.settings, geometry=geometry_of(window))
        settings.save(self.settings, self._subject or "", self._chosen)

    def _on_pointer(self, mode: PointerMode, _checked: bool = False) -> None:
        self.choose("pointer", mode)

    def _on_triggered(self, spec: ActionSpec, checked: bool) -> None:
        if spec.option is not None:
            # An action of a group is only ever switched on by the user.
            self.choose(spec.option.field, spec.option.checked if checked or spec.group else spec.option.unchecked)
        elif self._window is not None and not self._window.isFullScreen():
            # In fullscreen they are shown for the moment only.
            self.choose(BARS[spec.key], checked)
