"""Keeps the title of the main window and its status line up to date."""

from collections.abc import Callable

from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtWidgets import QMainWindow

from app.planes.status import Reason
from ui.window.actions.shortcuts import Shortcuts
from ui.window.input.guest_input import GuestInput
from ui.window.machine.machine import Machine
from ui.window.picture.activity_text import activity_text, errno_text
from ui.window.picture.picture_text import plane_text, status_heading
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.shown_path import shown_path_tip
from ui.window.status_line import StatusLine
from ui.window.zoom.zoom_control import ZoomControl

# Rates and times go on without an event.
_INTERVAL_MS = 250


class WindowState(QObject):
    """Says in ``window`` what is shown and in which state it is. ``name`` is what the window shows."""

    def __init__(
        self,
        window: QMainWindow,
        picture: PictureWindow,
        guest_input: GuestInput,
        machine: Machine,
        zoom: ZoomControl,
        shortcuts: Shortcuts,
        name: Callable[[], str],
    ) -> None:
        super().__init__(window)
        self._window, self._picture, self._input = window, picture, guest_input
        self._machine, self._zoom, self._shortcuts, self._name = machine, zoom, shortcuts, name
        self.line = StatusLine()
        window.setStatusBar(self.line)
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        for changed in (machine.changed, zoom.changed, picture.state_changed, picture.diagnosis.changed):
            changed.connect(self.refresh)

    def refresh(self) -> None:
        """Say what is so now."""
        picture, name = self._picture, self._name()
        status, primary = picture.status, picture.frame.primary
        grabbed = f" — {self._shortcuts.how('release')} releases" if self._input.grab.active else ""
        state = self._machine.title or status_heading(status)
        self._window.setWindowTitle(f"{name} — {state}{grabbed} — mdevview")
        reason = "" if status.reason is Reason.OK else f" ({status.reason.key})"
        self.line.show_state(name, status.state.value + reason, self._input.text, picture.diagnosis.headline)
        self.line.show_lights(self._input.lights)
        if primary is None:
            self.line.show_picture("", "", "")
            return
        zoom = f"  {self._zoom.percent} %" if self._zoom.percent is not None else ""
        plane = plane_text(primary.plane) + zoom
        problem = picture.cursor_problem
        if problem is not None:
            plane = f"cursor: {problem.reason.key}{errno_text(problem)}  {plane}"
        activity = activity_text(picture.rates(), picture.diagnosis.unchanged_s, picture.diagnosis.run_state)
        self.line.show_picture(plane, picture.path, activity)
        self.line.explain_path(shown_path_tip(picture))

    def shut_down(self) -> None:
        """Say nothing new any more."""
        self._timer.stop()
