"""The main window: menus, the picture, the status line."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction, QCloseEvent, QGuiApplication
from PyQt6.QtWidgets import QMainWindow, QMenu, QWidget

from app.vm.monitor import Monitor
from ui.window.about import show_about
from ui.window.actions.actions import ACTIONS
from ui.window.actions.keys_dialog import show_keys
from ui.window.actions.menu_opener import MenuOpener
from ui.window.actions.menus import Handlers, add_menus
from ui.window.actions.shortcuts import shared
from ui.window.fullscreen.fullscreen import Fullscreen
from ui.window.host_check import Examine
from ui.window.input.guest_input import GuestInput
from ui.window.input.keyboard_focus import KeyboardFocus
from ui.window.input.shared_clipboard import SharedClipboard
from ui.window.machine.machine import Machine
from ui.window.machine.screens_menu import ScreensMenu
from ui.window.page.page_content import PageAction
from ui.window.page.picture_area import PictureArea
from ui.window.panels import Panels
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.view_options import ViewOptions
from ui.window.picture_export import copy_picture, save_picture
from ui.window.playback_bar import PlaybackBar
from ui.window.resolution_menu import ResolutionMenu, viewport
from ui.window.settings.geometry import Geometry, geometry_of, restore_geometry
from ui.window.widgets.menu_words import menu_words
from ui.window.widgets.notice_bar import SUBSTITUTE, NoticeBar
from ui.window.widgets.off_row import OffRow
from ui.window.widgets.tool_tip import plain_tool_tip
from ui.window.window_memory import BARS, WindowMemory
from ui.window.window_state import WindowState
from ui.window.zoom.scrolled_picture import ScrolledPicture
from ui.window.zoom.window_size import WindowSize
from ui.window.zoom.zoom_control import ZoomControl


class MainWindow(QMainWindow):
    """Shows one session in one picture. ``choose`` lets the user choose another.

    ``options`` are those of the command line; ``memory`` knows which of them count, and the size of the window.
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
        examine_host: Examine | None = None,
        memory: WindowMemory | None = None,
    ) -> None:
        super().__init__()
        self._picture = picture
        self._memory = memory if memory is not None else WindowMemory()
        self._label = label
        self.shortcuts = shared()
        self._container = QWidget.createWindowContainer(picture, self)
        self._container.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._container.setAccessibleName("The guest's screen")
        self.area = PictureArea(picture, self._container, label)
        self._view = ScrolledPicture(self.area)
        self.setCentralWidget(self._view)
        self._size = WindowSize(self, picture, self._view, lambda: self.resolution.following)
        self.playback = PlaybackBar(self)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, self.playback)
        self._panels = Panels(self, picture, self._container.setFocus, examine_host)
        self.no_vgpu = NoticeBar(self, SUBSTITUTE)
        self.no_vgpu.why_wanted.connect(self._panels.check_host)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.no_vgpu)
        self._input = GuestInput(picture, self._container, self.shortcuts)
        self._input.changed.connect(self._show_input)
        self._input.notice.connect(picture.notice)
        self.clipboard = SharedClipboard(self)
        self.clipboard.notice.connect(picture.notice)
        self.machine = Machine(self, lambda: self._label)
        self.machine.notice.connect(picture.notice)
        self.machine.asking.connect(self._leave_guest)
        for changed in (self._input.monitor_status_changed, self.machine.monitor_status_changed):
            self.monitor_status_changed.connect(changed)
        self._zoom = ZoomControl(picture, self._view, lambda: self._input.ready, self._input.release)
        self._zoom.told.connect(picture.notice)
        self.resolution = ResolutionMenu(self, lambda: viewport(picture, self._view))
        self.resolution.notice.connect(picture.notice)
        self.resolution.asked.connect(picture.diagnosis.asked_for)
        for resized in (self._view.resized, picture.screenChanged):
            resized.connect(self._picture_resized)
        self._state = WindowState(
            self, picture, self._input, self.machine, self._zoom, self.shortcuts, lambda: self._label
        )
        self._state.line.path_clicked.connect(self._show_findings)
        self._menus = MenuOpener(self, self._container, self.shortcuts, self._leave_guest)
        self._focus = KeyboardFocus(self, self._container, self._menus.open)
        self._fullscreen = Fullscreen(self, picture, self.shortcuts, lambda: self._label)
        self._actions = self._make_actions(choose)
        self._zoom.set_actions(self._actions)
        self.screens = ScreensMenu(self._actions["retry"])
        self.area.changed.connect(self._show_page_actions)
        self._show_page_actions()
        self.machine.set_actions(self._actions)
        self.clipboard.set_action(self._actions["share-clipboard"])
        self._off_row = OffRow(self.menuBar(), (self._actions[each.key] for each in ACTIONS if each.for_guest))
        for key in BARS:
            # As the bars are; else an action that is off for the next window would change nothing.
            self._actions[key].setChecked(True)
        self._fullscreen.connect_actions(self._actions)
        self._memory.watch(self._actions, self.isFullScreen)
        self._show_remembered(options)
        picture.menu_wanted.connect(self._menus.popup_at_pointer)
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
        self._state.refresh()

    def remember_for(self, subject: str) -> None:
        """Show what is shown from now on as its last window did (:mod:`ui.window.settings.subject`)."""
        if self._memory.show(subject, self._chosen_geometry()):
            self._show_remembered(self._picture.options)

    def _show_remembered(self, options: ViewOptions) -> None:
        """Show the window as it is remembered; ``options`` are for what is not."""
        geometry = self._memory.settings.geometry
        if geometry is not None and not self._size.fixed:
            restore_geometry(self, geometry)
            self._size.fix()
        self._show_options(self._memory.view(options))

    def _chosen_geometry(self) -> Geometry | None:
        """The geometry, if the user or the desktop decided it; None where the next window has the picture's size."""
        is_chosen = not self.isFullScreen() and (self._size.fixed or self.isMaximized())
        return geometry_of(self) if is_chosen else None

    def set_monitor(self, monitor: Monitor | None, reason: str = "", destination: str = "", manager: str = "") -> None:
        """Send input to ``monitor`` from now on; without one, ``reason`` says why there is no input.

        ``destination`` is shown while there is input: the port, if it is not known whose it is. ``manager`` is the
        program that needs the VM's QMP socket, too.

        The caller owns the monitor. It closes it after the window is closed, or after another monitor was set here.
        """
        self._input.set_monitor(monitor, reason, destination, manager)
        self.machine.set_monitor(monitor, reason)

    def resize_picture(self, width: int, height: int) -> None:
        """Resize the window so that the picture gets this size in device pixels, if the desktop allows it."""
        self._size.fix()
        ratio, view = self._picture.devicePixelRatio(), self._view
        self.resize(
            self.width() + round(width / ratio) - view.width(),
            self.height() + round(height / ratio) - view.height(),
        )

    def trigger(self, action: str) -> None:
        """Do what an action of the menus does, by its key in :mod:`ui.window.actions.actions`."""
        self._actions[action].trigger()

    def start_fullscreen(self) -> None:
        self._fullscreen.set(True)
        self.show()

    def _make_actions(self, choose: Callable[[], None]) -> dict[str, QAction]:
        by_key: dict[str, Callable[..., object]] = {
            "screenshot": lambda: save_picture(self._picture, self._label),
            "copy": lambda: copy_picture(self._picture),
            "choose": choose,
            "retry": lambda: self.area.wanted.emit(PageAction.RETRY),
            "wait": lambda: self.area.wanted.emit(PageAction.WAIT),
            "copy-details": self.area.copy_details,
            "quit": self.close,
            "fullscreen": self._fullscreen.set,
            "fullscreen-bar": self._fullscreen.open_menu,
            "menu-bar": self._set_menu_bar,
            "status-line": self._state.line.setVisible,
            **self._zoom.handlers(),
            "overlay": self._picture.overlays.show_times,
            "loupe": self._picture.show_loupe,
            "latency-panel": self._show_latency_panel,
            "inspector": self._show_inspector,
            "explain": self._show_findings,
            "retake": self._input.retake,
            "grab": self._input.set_grab,
            "release": self._release,
            "paste": self._paste,
            "share-clipboard": self.clipboard.switch,
            "pointer-auto": self._set_host_pointer,
            "pointer-shown": self._set_host_pointer,
            "pointer-hidden": self._set_host_pointer,
            "host-check": self._panels.check_host,
            "keys": lambda: show_keys(self, self.shortcuts),
            "about": lambda: show_about(self, self._picture.renderer),
            **self.machine.handlers(),
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
            self.shortcuts,
        )

    def _picture_resized(self) -> None:
        # The bar of a VM that is being shut down takes room, and that VM is not asked for another mode.
        if not self.machine.is_ending:
            self.resolution.resized()

    def _show_options(self, options: ViewOptions) -> None:
        for spec in ACTIONS:
            if spec.option is not None:
                self._actions[spec.key].setChecked(getattr(options, spec.option.field) == spec.option.checked)
        remembered = self._memory.settings
        self._fullscreen.set_bars({key: getattr(remembered, name) for key, name in BARS.items()})
        self._actions[f"pointer-{remembered.pointer.value}"].setChecked(True)
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
        # While the picture is zoomed, no scaling is checked.
        self._picture.set_options(replace(self._picture.options, **fields))
        self._zoom.lay_out()
        self._size.update()
        self.resolution.resized()

    def _set_menu_bar(self, on: bool) -> None:
        bar = self.menuBar()
        assert bar is not None
        bar.setVisible(on)
        key = self.shortcuts.text("menu-bar")
        if not on and key and self.isVisible() and not self._actions["fullscreen"].isChecked():
            self._picture.notice(f"{key} shows the menu bar again")
        # The user wants to use the menus, which a grabbed pointer cannot reach.
        self._input.grab.end()

    def _show_latency_panel(self, on: bool) -> None:
        self._panels.show_latency(self._actions["latency-panel"], on)

    def _show_inspector(self, on: bool) -> None:
        self._panels.show_inspector(self._actions["inspector"], on)

    def _show_findings(self) -> None:
        self._panels.show_findings(self._actions["inspector"])

    def _release(self) -> None:
        was_grabbed = self._input.grab.active
        self._leave_guest()
        if not was_grabbed and self._focus.switch():
            self._picture.notice("The keyboard is the window's now; Escape gives it back to the picture")

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
        why_not = menu_words(self._input.why_not)
        self._off_row.show(why_not)
        self.area.set_input(to_guest=self._input.ready, grabbed=self._input.grab.active)
        for spec in ACTIONS:
            if spec.for_guest:
                action = self._actions[spec.key]
                action.setEnabled(self._input.ready)
                tip = f"View only: {why_not}" if why_not else spec.text.replace("&", "")
                action.setToolTip(plain_tool_tip(tip))
        retake = self._actions["retake"]
        for set_on in (retake.setVisible, retake.setEnabled):
            set_on(self._input.can_retake)
        retake.setToolTip("The other client loses keyboard, pointer and resolution")
        grab = self._actions["grab"]
        grab.blockSignals(True)
        grab.setChecked(self._input.grab.active)
        grab.blockSignals(False)
        self._state.refresh()

    def _show_page_actions(self) -> None:
        for each in (PageAction.RETRY, PageAction.WAIT):
            self._actions[each.key].setEnabled(each in self.area.page_actions)

    def createPopupMenu(self) -> QMenu | None:  # noqa: N802  (Qt's name)
        """None: Qt's own menu would hide the playback bar, or show it where nothing is played."""
        return None

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Save size and position; release everything on the GL thread before the window is destroyed."""
        if not self.machine.may_close():
            if event is not None:
                event.ignore()
            return
        self.closing.emit()
        self._fullscreen.close()
        self._panels.close_inspector()
        self._memory.save(self._chosen_geometry())
        self._state.shut_down()
        self._panels.close()
        self.area.shut_down()
        self._zoom.shut_down()
        self.machine.shut_down()
        self.clipboard.shut_down()
        self._input.shut_down()
        self._menus.shut_down()
        self._focus.shut_down()
        self.resolution.shut_down()
        self._picture.shut_down()
        super().closeEvent(event)
