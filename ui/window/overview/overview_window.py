"""The window of the overview: the tiles, a scroll bar, and a line that tells about the tile in focus."""

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QSize, QSocketNotifier, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QCloseEvent, QKeySequence
from PyQt6.QtWidgets import QApplication, QHBoxLayout, QLabel, QMainWindow, QScrollBar, QSizePolicy, QWidget
from PyQt6.sip import voidptr

from app.attach.helper_fds import HelperMethod
from app.host.drivers import KnownDisplay, known_display
from app.host.gpu import AUTO, GpuChoice
from app.host.screens import HostScreens, first_console
from app.host.vgpu import Vgpu
from app.open.screen_list import ScreenList
from app.open.target import SIMULATED_DEFAULT, Target, parse_target
from app.open.target_label import label_of
from ui.window.actions.shortcuts import shared
from ui.window.overview.opening_queue import OpeningQueue
from ui.window.overview.overview_source import Click, OverviewSource
from ui.window.overview.overview_surface import OverviewSurface
from ui.window.overview.overview_text import PushedScreen, Words, name_of_vm, words_until_click
from ui.window.overview.overview_tile import Tile
from ui.window.overview.qt_loop_group import QtLoopGroup
from ui.window.settings.first_size import resize_within_screen

_SIZE = QSize(1100, 740)
# How often rates are counted.
_COUNT_MS = 1000
_NO_SCREEN = (
    "This host has no vGPU and no VM with a D-Bus display. A simulated one is shown; others appear by themselves."
)
_HINTS = {
    Click.OPEN: "Enter or a click opens it in a window",
    Click.SHOW: "Enter or a click shows it",
    Click.ASK: "Enter or a click asks for root's permission",
    Click.NOTHING: "",
}


@dataclass(frozen=True, slots=True)
class _Console:
    """A console of a D-Bus display. ``until_click`` is what it says until a click; None: it is opened at once."""

    display: PushedScreen
    label: str
    target: Target
    until_click: Words | None


class OverviewWindow(QMainWindow):
    """Shows ``targets``, or every screen of the host if there are none. Owns the sources.

    ``open_window`` shows a source in a window of its own. ``unusable`` says why OpenGL cannot be used at all.
    """

    unusable = pyqtSignal(str)

    def __init__(
        self,
        targets: list[Target],
        helper: HelperMethod,
        open_window: Callable[[OverviewSource], None],
        gpu: GpuChoice = AUTO,
    ) -> None:
        """Raises OpenFailed if no thread can be started."""
        super().__init__()
        self._helper = helper
        self._open_window = open_window
        self._group = QtLoopGroup(self)
        self._openings = OpeningQueue()
        self._sources: dict[str, OverviewSource] = {}
        bar = QScrollBar(Qt.Orientation.Vertical)
        self._surface = OverviewSurface(bar, gpu=gpu)
        self._surface.unusable.connect(self.unusable)
        self._group.draw.connect(self._surface.update)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._surface, 1)
        row.addWidget(bar)
        self.setCentralWidget(box)
        self._line = QLabel()
        self._line.setTextFormat(Qt.TextFormat.PlainText)
        self._line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        status = self.statusBar()
        assert status is not None
        status.setSizeGripEnabled(False)
        status.addWidget(self._line, 1)
        self._add_action("Quit", self.close, "quit", "Ctrl+Q", "Ctrl+W")
        self._add_action("Fullscreen", self.toggle_fullscreen, "fullscreen", "F11")
        self.setWindowTitle("Overview — mdevview")
        resize_within_screen(self, _SIZE)
        self.setMinimumSize(280, 240)
        self._counter = QTimer(self)
        self._counter.setInterval(_COUNT_MS)
        self._counter.timeout.connect(self._refresh_all)
        self._counter.start()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._show_line)
        self._note = ""
        self._screens: ScreenList | None = None
        self._notifier: QSocketNotifier | None = None
        self._closed = False
        if targets:
            self._set_sources({f"{index} {each}": each for index, each in enumerate(targets)}, (), {})
        else:
            self._screens = ScreenList(follow_vms=True)
            self._notifier = QSocketNotifier(voidptr(self._screens.fileno()), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._list)
            self._show_line()

    def _add_action(self, text: str, handler: Callable[..., object], key: str, *more: str) -> None:
        action = QAction(text, self)
        shared().bind(action, key, *map(QKeySequence, more))
        action.triggered.connect(handler)
        self.addAction(action)

    def toggle_fullscreen(self, _checked: bool = False) -> None:
        """Begin or end full screen, which has no line at the bottom."""
        # Qt's showFullScreen() and showNormal() would forget that the window is maximised.
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        self.show()

    @property
    def sources(self) -> list[OverviewSource]:
        """The sources in their order."""
        return list(self._sources.values())

    @property
    def tiles(self) -> list[Tile]:
        """The tiles in their order."""
        return self._surface.tiles

    def _list(self) -> None:
        screens = self._screens.poll() if self._screens is not None and not self._closed else None
        if screens is None:
            return
        vgpus = tuple(each for each in screens.vgpus if known_display(each) is not KnownDisplay.NONE)
        is_empty = not (vgpus or screens.displays or screens.guests)
        self._note = _NO_SCREEN if is_empty else ""
        self._set_sources({"": SIMULATED_DEFAULT} if is_empty else {}, vgpus, self._consoles(screens))
        self._show_line()

    def _consoles(self, screens: HostScreens) -> dict[str, _Console]:
        """The first console of each VM's D-Bus display, and the further ones of those that are open, by their keys."""
        consoles: dict[str, _Console] = {}
        for display in screens.displays:
            name = name_of_vm(display)
            key = f"{display.vm.pid} {name}"
            consoles[key] = _Console(display, name, parse_target(first_console(display)), words_until_click(display))
            source = self._sources.get(key)
            for each in source.further_consoles if source is not None else ():
                target = parse_target(each.target)
                consoles[f"{key} {each.target}"] = _Console(display, f"{name} — {each.text}", target, None)
        for screen in screens.guests:
            # Each screen of a Xen guest has a tile from the start. A restarted guest is another domain.
            key = f"{screen.domid} {screen.target}"
            consoles[key] = _Console(screen, name_of_vm(screen), parse_target(screen.target), words_until_click(screen))
        return consoles

    def _set_sources(self, targets: dict[str, Target], vgpus: tuple[Vgpu, ...], consoles: dict[str, _Console]) -> None:
        """Show exactly these from now on."""
        new: dict[str, OverviewSource] = {}
        for key, target in targets.items():
            new[key] = self._sources.get(key) or self._source(label_of(target), target)
        for vgpu in vgpus:
            new[vgpu.name] = self._sources.get(vgpu.name) or self._source(vgpu.name)
        for key, console in consoles.items():
            new[key] = self._sources.get(key) or self._source(console.label)
        removed = [each for key, each in self._sources.items() if key not in new]
        self._sources = new
        # This also releases what was drawn for the removed ones, before their devices are closed.
        self._surface.set_tiles(self.sources)
        for each in removed:
            each.close()
            each.deleteLater()
        for vgpu in vgpus:
            new[vgpu.name].set_vgpu(vgpu)
        for key, console in consoles.items():
            new[key].set_console(console.display, console.target, console.until_click)
        for tile in self._surface.tiles:
            if tile.source.receivers(tile.source.due) == 0:
                self._connect(tile)
        self._refresh_all()
        if self.tiles and QApplication.focusWidget() not in self.tiles:
            self.tiles[0].setFocus()

    def _source(self, label: str, target: Target | None = None) -> OverviewSource:
        return OverviewSource(self._group, self._openings, label, self._helper, target)

    def _connect(self, tile: Tile) -> None:
        tile.source.due.connect(lambda: self._on_due(tile))
        tile.source.changed.connect(lambda: self._refresh(tile))
        tile.source.opened.connect(self._on_opened)
        tile.clicked.connect(lambda: self._on_clicked(tile))

    def _on_opened(self) -> None:
        if self._screens is not None:
            # Later: what was opened may tell of further consoles, and the tiles may change then.
            QTimer.singleShot(0, self._list)

    def _on_due(self, tile: Tile) -> None:
        self._surface.mark(tile)
        self._group.want_draw()

    def _on_clicked(self, tile: Tile) -> None:
        match tile.source.click:
            case Click.OPEN:
                self._open_window(tile.source)
            case Click.ASK:
                tile.source.ask()
            case Click.SHOW:
                tile.source.show()
            case Click.NOTHING:
                pass

    def _refresh_all(self) -> None:
        for tile in self.tiles:
            self._refresh(tile)

    def _refresh(self, tile: Tile) -> None:
        if tile.refresh(has_picture=self._surface.has_picture(tile)) and tile.hasFocus():
            self._show_line()

    def _show_line(self) -> None:
        tile = QApplication.focusWidget()
        text = self._note
        if isinstance(tile, Tile) and tile in self.tiles:
            facts = [*tile.source.details().split("\n"), _HINTS[tile.source.click]]
            text = " — ".join(each for each in (self._note, *facts) if each)
        if text != self._line.text():
            self._line.setText(text)
            self._line.setToolTip("")

    def shut_down(self) -> None:
        """Release and close everything but the windows; more calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._counter.stop()
        if self._notifier is not None and self._screens is not None:
            self._notifier.setEnabled(False)
            self._screens.close()
        # The images first: no device may be closed before what was made from its buffers.
        self._surface.shut_down()
        for each in self.sources:
            each.close(wait=True)
        self._group.close()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None and event.type() is QEvent.Type.WindowStateChange:
            self._surface.set_shown(not self.isMinimized())
            status = self.statusBar()
            if status is not None:
                # The window manager may begin or end full screen, too.
                status.setVisible(not self.isFullScreen())
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Release everything of OpenGL while the window exists."""
        self.shut_down()
        super().closeEvent(event)
