"""The window of the overview: the tiles, a scroll bar, and a line that tells about the tile in focus."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QSize, QSocketNotifier, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QCloseEvent, QKeySequence
from PyQt6.QtWidgets import QApplication, QHBoxLayout, QLabel, QMainWindow, QScrollBar, QSizePolicy, QWidget
from PyQt6.sip import voidptr

from app.attach.helper_fds import HelperMethod
from app.host.drivers import KnownDisplay, known_display
from app.host.gpu import AUTO, GpuChoice
from app.host.vgpu import Vgpu
from app.open.target import SIMULATED_DEFAULT, Target
from app.open.vgpu_list import VgpuList
from ui.window.actions.shortcuts import shared
from ui.window.overview.opening_queue import OpeningQueue
from ui.window.overview.overview_source import Click, OverviewSource
from ui.window.overview.overview_surface import OverviewSurface
from ui.window.overview.overview_tile import Tile
from ui.window.overview.qt_loop_group import QtLoopGroup
from ui.window.settings.first_size import resize_within_screen
from ui.window.shown_target import label_of

_SIZE = QSize(1100, 740)
# How often rates are counted.
_COUNT_MS = 1000
_NO_VGPU = "This host has no vGPU. A simulated one is shown; vGPUs appear by themselves."
_HINTS = {
    Click.OPEN: "Enter or a click opens it in a window",
    Click.ASK: "Enter or a click asks for root's permission",
    Click.NOTHING: "",
}


class OverviewWindow(QMainWindow):
    """Shows ``targets``, or every vGPU of the host that has a display if there are none. Owns the sources.

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
        self._vgpus: VgpuList | None = None
        self._notifier: QSocketNotifier | None = None
        self._closed = False
        if targets:
            self._set_sources({f"{index} {each}": each for index, each in enumerate(targets)}, ())
        else:
            self._vgpus = VgpuList(follow_vms=True)
            self._notifier = QSocketNotifier(voidptr(self._vgpus.fileno()), QSocketNotifier.Type.Read, self)
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
        assert self._vgpus is not None
        vgpus = self._vgpus.poll()
        if vgpus is None:
            return
        shown = tuple(each for each in vgpus if known_display(each) is not KnownDisplay.NONE)
        self._note = "" if shown else _NO_VGPU
        self._set_sources({} if shown else {"": SIMULATED_DEFAULT}, shown)
        self._show_line()

    def _set_sources(self, targets: dict[str, Target], vgpus: tuple[Vgpu, ...]) -> None:
        """Show exactly these from now on."""
        new: dict[str, OverviewSource] = {}
        for key, target in targets.items():
            new[key] = self._sources.get(key) or self._source(label_of(target), target)
        for vgpu in vgpus:
            new[vgpu.name] = self._sources.get(vgpu.name) or self._source(vgpu.name)
        removed = [each for key, each in self._sources.items() if key not in new]
        self._sources = new
        # This also releases what was drawn for the removed ones, before their devices are closed.
        self._surface.set_tiles(self.sources)
        for each in removed:
            each.close()
            each.deleteLater()
        for vgpu in vgpus:
            new[vgpu.name].set_vgpu(vgpu)
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
        tile.clicked.connect(lambda: self._on_clicked(tile))

    def _on_due(self, tile: Tile) -> None:
        self._surface.mark(tile)
        self._group.want_draw()

    def _on_clicked(self, tile: Tile) -> None:
        match tile.source.click:
            case Click.OPEN:
                self._open_window(tile.source)
            case Click.ASK:
                tile.source.ask()
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
        if self._notifier is not None and self._vgpus is not None:
            self._notifier.setEnabled(False)
            self._vgpus.close()
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
