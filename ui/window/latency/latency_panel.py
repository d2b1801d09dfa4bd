"""The latency panel: the stages of the last frames as plots and percentiles, markers, and files of them.

It needs pyqtgraph: importing this module raises ImportError without it. It is told of frames only while it is visible.
What it shows changes a few times a second, one part at a time, so that no update holds up the picture for long.
"""

import logging
import time
from collections import deque
from pathlib import Path

from PyQt6.QtCore import QBuffer, QEvent, QIODevice, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.measure.record.csv_file import HEADER, csv_row
from app.measure.record.frame_record import FrameRecord
from app.measure.record.recent_frames import RecentFrames
from app.measure.record.run_document import json_text
from app.text.clean import clean_line
from gl.errors import GraphicsError
from ui import private_file
from ui.window.latency.latency_plots import HistogramPlot, StagesPlot, legend_text, set_palettes
from ui.window.latency.latency_table import LatencyTable
from ui.window.latency.window_document import window_document
from ui.window.picture.picture_window import PictureWindow
from ui.window.settings.first_size import resize_within_screen

_log = logging.getLogger(__name__)

_SIZE = QSize(860, 620)
_SPAN_S = 10
_SECOND = 1_000_000_000
# One of the three parts is updated at each tick, the stages at every second one.
_TICK_MS = 200
# Where few pictures are drawn, only one of so many pays for an update, but there is one a second.
_TICK_PICTURES = 6
# More than a minute at 240 frames a second.
_MOST_RECORDS = 16_384
_MOST_MARKERS = 100
_LONGEST_LABEL = 40
_FILTERS = {".csv": "One row for each frame (*.csv)", ".json": "All figures (*.json)", ".png": "Picture (*.png)"}


class LatencyPanel(QWidget):
    """A window of its own beside the picture that it measures. ``closed`` is emitted when the user closed it."""

    closed = pyqtSignal()

    def __init__(self, picture: PictureWindow, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._picture = picture
        self._recent = RecentFrames(_MOST_RECORDS)
        self._records: deque[FrameRecord] = deque(maxlen=_MOST_RECORDS)
        self._markers: list[tuple[int, str]] = []
        self._turn = 0
        self._new_pictures, self._updated_ns = 0, 0
        self.setWindowTitle("Latency — mdevview")
        resize_within_screen(self, _SIZE)
        self._stages = StagesPlot(_SPAN_S)
        self._histogram = HistogramPlot()
        self._table = LatencyTable()
        legend = QLabel(legend_text())
        legend.setWordWrap(True)
        self._message = QLabel()
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setAccessibleName("Message")
        self._label = QLineEdit()
        self._label.setPlaceholderText("Label of the marker")
        self._label.setAccessibleName("Label of the marker")
        self._label.setMaxLength(_LONGEST_LABEL)
        self._label.setMaximumWidth(220)
        self._pause = QPushButton("&Pause")
        self._pause.setCheckable(True)
        mark = QPushButton("Add &marker")
        export = QPushButton("&Export…")
        mark.clicked.connect(self.add_marker)
        # The plot does not move during a pause, so there is no place in it for what happens then.
        for each in (mark, self._label):
            self._pause.toggled.connect(each.setDisabled)
        self._label.returnPressed.connect(self.add_marker)
        export.clicked.connect(self._choose_file)
        self._lay_out(legend, (self._pause, mark, self._label, export))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self, self.close)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._update_part)
        set_palettes(self)

    def _lay_out(self, legend: QLabel, controls: tuple[QWidget, ...]) -> None:
        percentiles = QWidget()
        below = QVBoxLayout(percentiles)
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(QLabel(f"Milliseconds, of the last {_SPAN_S} seconds"))
        below.addWidget(self._table)
        lower = QSplitter(Qt.Orientation.Horizontal)
        lower.addWidget(self._histogram)
        lower.addWidget(percentiles)
        lower.setSizes([360, 500])
        both = QSplitter(Qt.Orientation.Vertical)
        both.addWidget(self._stages)
        both.addWidget(lower)
        both.setSizes([300, 260])
        row = QHBoxLayout()
        for each in controls:
            row.addWidget(each)
        row.addStretch()
        row.addWidget(self._message)
        column = QVBoxLayout(self)
        column.addWidget(legend)
        column.addWidget(both, 1)
        column.addLayout(row)

    def add(self, record: FrameRecord) -> None:
        """A picture was submitted. Records that come during a pause are not kept."""
        if not self._pause.isChecked():
            self._recent.add(record)
            self._records.append(record)
            self._new_pictures += 1

    def add_marker(self) -> None:
        """Mark this moment, with the text of the field or a number."""
        label = clean_line(self._label.text().strip(), _LONGEST_LABEL) or str(len(self._markers) + 1)
        self._label.clear()
        now = time.monotonic_ns()
        self._markers.append((now, label))
        self._stages.add_marker(now, label)
        if len(self._markers) > _MOST_MARKERS:
            del self._markers[0]
            self._stages.drop_first_marker()

    def export(self, name: str) -> None:
        """Write a file; the end of its name tells which kind. What fails is told in the panel."""
        path = Path(name)
        try:
            data = self._exported(path.suffix.lower())
            private_file.replace(path, data)
        except (OSError, GraphicsError) as error:
            why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            self._tell(f"{path.name} was not saved: {why}")
            return
        self._tell(f"Saved {path.name}")

    def _exported(self, suffix: str) -> bytes:
        if suffix == ".csv":
            return (HEADER + "".join(map(csv_row, tuple(self._records)))).encode("ascii")
        if suffix == ".png":
            buffer = QBuffer()
            buffer.open(QIODevice.OpenModeFlag.WriteOnly)
            if not self.grab().save(buffer, "PNG"):
                raise OSError("the picture cannot be made")
            return bytes(buffer.data().data())
        recorder = self._picture.times.recorder
        if recorder is None:
            # The panel was hidden while the user chose a file.
            raise OSError("nothing is measured while the panel is hidden")
        document = window_document(self._picture, recorder, 0, {})
        document["markers"] = [{"time_ns": at, "label": label} for at, label in self._markers]
        return json_text(document).encode()

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Export what was measured")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(_FILTERS.values()))
        dialog.setDefaultSuffix("csv")
        suffixes = {text: suffix for suffix, text in _FILTERS.items()}
        dialog.filterSelected.connect(lambda text: dialog.setDefaultSuffix(suffixes[text]))
        dialog.fileSelected.connect(self.export)
        dialog.open()

    def _tell(self, text: str) -> None:
        _log.info("%s", text)
        self._message.setText(text)

    def _update_part(self) -> None:
        if self._pause.isChecked():
            return
        now = time.monotonic_ns()
        if self._new_pictures < _TICK_PICTURES and now - self._updated_ns < _SECOND:
            return
        self._new_pictures, self._updated_ns = 0, now
        columns = self._recent.since(now - _SPAN_S * _SECOND)
        self._turn = (self._turn + 1) % 4
        if self._turn % 2 == 0:
            self._stages.show_frames(columns, now)
        elif self._turn == 1:
            self._histogram.show_frames(columns)
        else:
            self._table.show_frames(columns)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  (Qt's name)
        if not self._timer.isActive():
            # The numbers of pictures begin again if nobody else measures.
            self._recent.clear()
            self._records.clear()
            self._picture.times.want(self.add)
            self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802  (Qt's name)
        self.stop()
        super().hideEvent(event)

    def stop(self) -> None:
        """Measure no more until it is shown again; more calls do nothing."""
        self._timer.stop()
        self._picture.times.drop(self.add)

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        self.closed.emit()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            set_palettes(self)
        super().changeEvent(event)
