"""The tabs of the inspector and its buttons. What it shows is updated a few times a second, the seen tab only."""

import json
import logging

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QTabWidget, QVBoxLayout, QWidget

from app.text.clean import clean_line
from gl.errors import GraphicsError
from ui.window.inspector.buffer_table import BufferTable
from ui.window.inspector.copying import copy_text
from ui.window.inspector.event_log import EventLog
from ui.window.inspector.finding_list import FindingList
from ui.window.inspector.format_table import FormatTable
from ui.window.inspector.inspected import Inspected
from ui.window.inspector.plane_tree import PlaneTree

_log = logging.getLogger(__name__)

_TICK_MS = 300
_MARGINS = (6, 4, 6, 6)


class InspectorView(QWidget):
    """``move_wanted`` is emitted by the button that makes it a window of its own or docks it, ``side_wanted`` by the
    one that docks it at another side.
    """

    move_wanted = pyqtSignal()
    side_wanted = pyqtSignal()

    def __init__(self, inspected: Inspected) -> None:
        super().__init__()
        self._inspected = inspected
        self.setWindowTitle("Inspector — mdevview")
        self.planes = PlaneTree()
        self.buffers = BufferTable(inspected)
        self.formats = FormatTable(inspected)
        self.events = EventLog()
        self.findings = FindingList()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Parts of the inspector")
        for widget, title in (
            (self.planes, "Planes"),
            (self.buffers, "Buffers"),
            (self.formats, "Formats"),
            (self.events, "Log"),
            (self.findings, "Findings"),
        ):
            self.tabs.addTab(widget, title)
        self.tabs.currentChanged.connect(self._refresh)
        self._message = QLabel()
        # A driver's message may be in it, in which Qt would interpret markup.
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setAccessibleName("Message")
        self._copy = QPushButton("Copy as JSON")
        self._side = QPushButton()
        self._move = QPushButton()
        self._copy.clicked.connect(self.copy_document)
        self._side.clicked.connect(self.side_wanted)
        self._move.clicked.connect(self.move_wanted)
        row = QHBoxLayout()
        row.addWidget(self._copy)
        row.addWidget(self._message, 1)
        row.addWidget(self._side)
        row.addWidget(self._move)
        column = QVBoxLayout(self)
        column.setContentsMargins(*_MARGINS)
        column.addWidget(self.tabs, 1)
        column.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._refresh)

    def set_place(self, *, docked: bool, below: bool) -> None:
        """What the buttons offer in this place."""
        self._move.setText("Own window" if docked else "Dock")
        self._side.setText("Dock at right" if below else "Dock below")
        self._side.setVisible(docked)

    def show_findings(self) -> None:
        self.tabs.setCurrentWidget(self.findings)

    def copy_document(self) -> None:
        """Copy what ``mdevview inspect --json`` prints."""
        try:
            document = self._inspected.document()
        except (GraphicsError, OSError) as error:
            _log.info("inspector: %s", error)
            self._message.setText(clean_line(f"Not copied: {error}"))
            return
        copy_text(json.dumps(document, indent=2))
        self._message.setText("Copied")

    def _refresh(self) -> None:
        state = self._inspected.state()
        self.events.add(self._inspected.changes())
        shown = self.tabs.currentWidget()
        if shown is self.planes:
            self.planes.show_state(state)
        elif shown is self.buffers:
            self.buffers.refresh()
        elif shown is self.formats:
            self.formats.refresh(state)
        elif shown is self.findings:
            self.findings.show_path(self._inspected.path_text())
            self.findings.show_findings(self._inspected.findings())

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  (Qt's name)
        if not self._timer.isActive():
            self._refresh()
            self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802  (Qt's name)
        self.stop()
        super().hideEvent(event)

    def stop(self) -> None:
        """Ask the window no more until it is shown again; more calls do nothing."""
        self._timer.stop()
