"""The table of percentiles in the latency panel."""

import math

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from app.measure.record.recent_frames import Columns, percentiles

_MS = 1_000_000
_RANKS = (50, 90, 99, 100)
_HEADINGS = ("median", "90 %", "99 %", "max", "frames")
_ROWS = ("flip to submit", "change to submit", "flip to screen", "draw (CPU)", "draw (GPU)", "submit to screen")


class LatencyTable(QTableWidget):
    """Percentiles of the shown frames in milliseconds, one row for each stage."""

    def __init__(self) -> None:
        super().__init__(len(_ROWS), len(_HEADINGS))
        self.setAccessibleName("Percentiles of the latency in milliseconds")
        self.setHorizontalHeaderLabels(_HEADINGS)
        self.setVerticalHeaderLabels(_ROWS)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        headings, rows = self.horizontalHeader(), self.verticalHeader()
        assert headings is not None and rows is not None
        headings.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for row in range(len(_ROWS)):
            for column in range(len(_HEADINGS)):
                item = QTableWidgetItem("–")
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)

    def show_frames(self, columns: Columns) -> None:
        flips, changes = columns.is_flip, columns.is_new & ~columns.is_flip
        values = (
            columns.latency[flips],
            columns.latency[changes],
            (columns.latency + columns.present)[flips],
            columns.draw,
            columns.gpu,
            columns.present,
        )
        for row, column in enumerate(values):
            count = int(np.count_nonzero(~np.isnan(column)))
            texts = [_milliseconds(each) for each in percentiles(column, *_RANKS)]
            for index, text in enumerate((*texts, str(count) if count else "–")):
                item = self.item(row, index)
                if item is not None and item.text() != text:
                    item.setText(text)


def _milliseconds(ns: float) -> str:
    return "–" if math.isnan(ns) else f"{ns / _MS:.2f}"
