"""The main window: menus, the picture, the status line."""

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QCloseEvent, QGuiApplication
from PyQt6.QtWidgets import QMainWindow, QMenu, QWidget

from app.planes.frame import Frame
from app.planes.status import Reason, Status
from app.vm.monitor import Monitor
from ui.window.actions.actions import ACTIONS
from ui.window.actions.menus import Handlers, add_menus
from ui.window.actions.shortcuts import Shortcuts
from ui.window.help_messages import show_about, show_keys
from ui.window.host_check import Examine
from ui.window.input.guest_input import GRAB_KEYS, GuestInput
from ui.window.page.page_content import PageAction
from ui.window.page.picture_area import PictureArea
from ui.window.panels import Panels
from ui.window.picture.activity_text import activity_text, errno_text
from ui.window.picture.picture_text import plane_text, status_heading
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.shown_path import shown_path_tip
from ui.window.picture.view_options import ViewOptions
from ui.window.picture_export import copy_picture, save_picture
from ui.window.playback_bar import PlaybackBar
from ui.window.resolution_menu import ResolutionMenu, viewport
from ui.window.settings import settings
from ui.window.settings.geometry import Geometry, geometry_of, restore_geometry
from ui.window.settings.settings import Settings
from ui.window.widgets.notice_bar import SUBSTITUTE, NoticeBar
from ui.window.widgets.status_line import StatusLine
from ui.window.widgets.tool_tip import plain_tool_tip

_STATUS_INTERVAL_MS = 250
_BARS = ("menu-bar", "status-line")


class MainWindow(QMainWindow):
    """Shows one session in one picture. ``choose`` lets the user choose another.

    ``monitor_status_changed`` is emitted, on any thread, when the status of the VM's monitor changed.
    """

    monitor_status_changed = pyqtSignal()
    closing = pyqtSignal()
    """The window is about to be closed; everything in it can still be used."""

    def __init__(
        self,
        picture: PictureWindow,
        label: str,
        options: ViewOptions,
        choose: Callable[[], None],
        geometry: Geometry | None = None,
        examine_host: Examine | None = None,
    ) -> None:
        super().__init__()
        self._picture = picture
        self._label = label
        self.shortcuts = Shortcuts()
        self.remembers = True
        """Whether the next window gets the settings that this one has when it is closed."""
        self._status = StatusLine()
        self.setStatusBar(self._status)
        self._status.path_clicked.connect(self._show_findings)
        self._container = QWidget.createWindowContainer(picture, self)
        self._container.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.area = PictureArea(picture, self._container, label)
        self.setCentralWidget(self.area)
        self.playback = PlaybackBar(self)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, self.playback)
        self._panels = Panels(self, picture, self._container.setFocus, examine_host)
        self.no_vgpu = NoticeBar(self, SUBSTITUTE)
        self.no_vgpu.why_wanted.connect(self._panels.check_host)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.no_vgpu)
        self._input = GuestInput(picture, self._container)
        self._input.changed.connect(self._show_input)
        self._input.notice.connect(picture.notice)
        self.monitor_status_changed.connect(self._input.monitor_status_changed)
        self.resolution = ResolutionMenu(self, lambda: viewport(picture, self.area.size()))
        self.resolution.notice.connect(picture.notice)
        self.resolution.asked.connect(picture.diagnosis.asked_for)
        for resized in (self.area.resized, picture.screenChanged):
            resized.connect(self.resolution.resized)
        self._bars_before = dict.fromkeys(_BARS, True)
        self._actions = self._make_actions(choose)
        self.area.changed.connect(self._show_page_actions)
        self._show_page_actions()
        self._show_options(options)
        picture.menu_wanted.connect(self._popup_menu)
        picture.state_changed.connect(self._refresh)
        picture.diagnosis.changed.connect(self._refresh)
        self._timer = QTimer(self)
        self._timer.setInterval(_STATUS_INTERVAL_MS)
        self._timer.timeout.connect(self._refresh)
        self._timer.start()
        self._geometry = geometry
        if geometry is not None:
            restore_geometry(self, geometry)
        else:
            self.resize(1024, 700)
        self._container.setFocus()
        self._show_input()

    @property
    def label(self) -> str:
        """The name of what the window shows."""
        return self._label

    def set_label(self, label: str) -> None:
        """Change the name of what the window shows."""
        self._label = label
        self.area.set_label(label)
        self._refresh()

    def set_monitor(self, monitor: Monitor | None, reason: str = "", destination: str = "", manager: str = "") -> None:
        """Send input to ``monitor`` from now on; without one, ``reason`` says why there is no input.

        ``destination`` is shown while there is input: the port, if it is not known whose it is. ``manager`` is the
        program that needs the VM's QMP socket, too.

        The caller owns the monitor. It closes it after the window is closed, or after another monitor was set here.
        """
        self._input.set_monitor(monitor, reason, destination, manager)

    def resize_picture(self, width: int, height: int) -> None:
        """Resize the window so that the picture gets this size in device pixels, if the desktop allows it."""
        ratio, container = self._picture.devicePixelRatio(), self.area
        self.resize(
            self.width() + round(width / ratio) - container.width(),
            self.height() + round(height / ratio) - container.height(),
        )

    def trigger(self, action: str) -> None:
        """Do what an action of the menus does, by its key in :mod:`ui.window.actions.actions`."""
        self._actions[action].trigger()

    def start_fullscreen(self) -> None:
        self._actions["fullscreen"].setChecked(True)

    def _make_actions(self, choose: Callable[[], None]) -> dict[str, QAction]:
        by_key: dict[str, Callable[..., object]] = {
            "screenshot": lambda: save_picture(self._picture, self._label),
            "copy": lambda: copy_picture(self._picture),
            "choose": choose,
            "retry": lambda: self.area.wanted.emit(PageAction.RETRY),
            "wait": lambda: self.area.wanted.emit(PageAction.WAIT),
            "copy-details": self.area.copy_details,
            "quit": self.close,
            "fullscreen": self._set_fullscreen,
            "menu-bar": self._set_menu_bar,
            "status-line": self._set_status_line,
            "overlay": self._picture.overlays.show_times,
            "loupe": self._picture.show_loupe,
            "latency-panel": self._show_latency_panel,
            "inspector": self._show_inspector,
            "explain": self._show_findings,
            "grab": self._input.set_grab,
            "paste": self._paste,
            "pointer-auto": self._set_host_pointer,
            "pointer-shown": self._set_host_pointer,
            "pointer-hidden": self._set_host_pointer,
            "host-check": self._panels.check_host,
            "keys": lambda: show_keys(self),
            "about": lambda: show_about(self),
        }
        return add_menus(
            self,
            Handlers(
                by_key=by_key,
                set_option=self._apply_options,
                send=self._input.send_keys,
                opened=self._leave_guest,
                # The guest saw the first keys of the shortcut.
                triggered=self._input.release,
            ),
            self.resolution.menu(),
        )

    def _show_options(self, options: ViewOptions) -> None:
        for spec in ACTIONS:
            if spec.option is not None:
                self._actions[spec.key].setChecked(getattr(options, spec.option.field) == spec.option.checked)
        for key in (*_BARS, "pointer-auto"):
            self._actions[key].setChecked(True)
        self._apply_options()

    def _apply_options(self, _checked: bool = False) -> None:
        fields: dict[str, Any] = {}
        for spec in ACTIONS:
            if spec.option is None:
                continue
            if self._actions[spec.key].isChecked():
                fields[spec.option.field] = spec.option.checked
            elif not spec.group:
                fields[spec.option.field] = spec.option.unchecked
        self._picture.set_options(ViewOptions(**fields))
        self.resolution.resized()

    def _set_fullscreen(self, on: bool) -> None:
        if on:
            self._bars_before = {key: self._actions[key].isChecked() for key in _BARS}
        for key, shown in self._bars_before.items():
            self._actions[key].setChecked(shown and not on)
        if on:
            self.showFullScreen()
            keys = self.shortcuts
            self._picture.notice(
                f"{keys.text('fullscreen')} leaves fullscreen, {keys.text('menu-bar')} shows the menus, "
                f"{keys.text('keys')} lists the keys"
            )
        else:
            self.showNormal()

    def _set_menu_bar(self, on: bool) -> None:
        bar = self.menuBar()
        assert bar is not None
        bar.setVisible(on)
        # The user wants to use the menus, which a grabbed pointer cannot reach.
        self._input.grab.end()

    def _set_status_line(self, on: bool) -> None:
        self._status.setVisible(on)

    def _show_latency_panel(self, on: bool) -> None:
        self._panels.show_latency(self._actions["latency-panel"], on)

    def _show_inspector(self, on: bool) -> None:
        self._panels.show_inspector(self._actions["inspector"], on)

    def _show_findings(self) -> None:
        self._panels.show_findings(self._actions["inspector"])

    def _leave_guest(self) -> None:
        self._input.release()
        self._input.grab.end()

    def _paste(self) -> None:
        clipboard = QGuiApplication.clipboard()
        self._input.paste(clipboard.text() if clipboard is not None else "")

    def _set_host_pointer(self, _checked: bool = False) -> None:
        shown = self._actions["pointer-shown"].isChecked()
        automatic = self._actions["pointer-auto"].isChecked()
        self._input.set_host_pointer(None if automatic else shown)

    def _show_input(self) -> None:
        """Show whether input goes to the guest, and why not: in the actions, their tool tips and the status line."""
        why_not = self._input.why_not
        self.area.set_keys_to_guest(self._input.ready)
        for spec in ACTIONS:
            if spec.for_guest:
                action = self._actions[spec.key]
                action.setEnabled(self._input.ready)
                tip = f"View only: {why_not}" if why_not else spec.text.replace("&", "")
                action.setToolTip(plain_tool_tip(tip))
        grab = self._actions["grab"]
        grab.blockSignals(True)
        grab.setChecked(self._input.grab.active)
        grab.blockSignals(False)
        self._refresh()

    def _show_page_actions(self) -> None:
        for each in (PageAction.RETRY, PageAction.WAIT):
            self._actions[each.key].setEnabled(each in self.area.page_actions)

    def _popup_menu(self) -> None:
        """Open the menus at the pointer, as the menu bar may be hidden."""
        popup = QMenu(self)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        bar = self.menuBar()
        assert bar is not None
        for action in bar.actions():
            popup.addAction(action)
        popup.popup(self.cursor().pos())

    def _refresh(self) -> None:
        frame: Frame = self._picture.frame
        status: Status = self._picture.status
        grabbed = f" — {GRAB_KEYS} releases" if self._input.grab.active else ""
        self.setWindowTitle(f"{self._label} — {status_heading(status)}{grabbed} — mdevview")
        reason = "" if status.reason is Reason.OK else f" ({status.reason.key})"
        finding = self._picture.diagnosis.headline
        self._status.show_state(self._label, status.state.value + reason, self._input.text, finding)
        if frame.primary is None:
            self._status.show_picture("", "", "")
            return
        plane = plane_text(frame.primary.plane)
        problem = self._picture.cursor_problem
        if problem is not None:
            plane = f"cursor: {problem.reason.key}{errno_text(problem)}  {plane}"
        diagnosis = self._picture.diagnosis
        activity = activity_text(self._picture.rates(), diagnosis.unchanged_s, diagnosis.run_state)
        self._status.show_picture(plane, self._picture.path, activity)
        self._status.explain_path(shown_path_tip(self._picture))

    def createPopupMenu(self) -> QMenu | None:  # noqa: N802  (Qt's name)
        """None: Qt's own menu would hide the playback bar, or show it where nothing is played."""
        return None

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Save size and position; release everything on the GL thread before the window is destroyed."""
        self.closing.emit()
        self._panels.close_inspector()
        if not self.isFullScreen():
            self._geometry = geometry_of(self)
        options = self._picture.options
        if self.remembers:
            settings.save(Settings(options.scaling, options.smooth, self._geometry))
        self._timer.stop()
        self._panels.close()
        self.area.shut_down()
        self._input.shut_down()
        self.resolution.shut_down()
        self._picture.shut_down()
        super().closeEvent(event)
