"""The plots of the latency panel, drawn by pyqtgraph. Importing this module raises ImportError where that is missing.

Each plot shows a few hundred bars however many frames there are, so that its cost does not depend on the frame rate.
"""

import os
import sys
import threading

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QWidget

# Its default is the first of the Qt packages that it finds.
os.environ["PYQTGRAPH_QT_LIB"] = "PyQt6"
_hooks = sys.excepthook, threading.excepthook
try:
    import pyqtgraph
finally:
    # It puts its own in their place. The application's end the program with a clear message.
    sys.excepthook, threading.excepthook = _hooks
# At the end of the program it would close what this program closes itself.
pyqtgraph.setConfigOption("exitCleanup", False)

from app.measure.record.recent_frames import Columns, means  # noqa: E402

_SECOND = 1_000_000_000
_MS = 1_000_000
_BUCKETS = 200
_BINS = 60

STAGES = (
    ("unseen", "until it is seen", "#0072b2"),
    ("wait", "until drawing begins", "#56b4e9"),
    ("draw", "drawing (CPU)", "#e69f00"),
    ("present", "until it is on the screen", "#009e73"),
)
"""The parts of the time from a flip or a change to the screen: the column, what it is, and its colour, which people
with any colour vision can tell from the others (Okabe and Ito)."""

_MARKER = "#d6488f"


class _Plot(pyqtgraph.PlotWidget):  # type: ignore[misc]
    """A plot without the mouse, whose colours are those of the palette."""

    def __init__(self, name: str, x_label: str, y_label: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        for side, label in (("bottom", x_label), ("left", y_label)):
            self.setLabel(side, label)
            self.getAxis(side).enableAutoSIPrefix(False)
        self.getAxis("left").setWidth(58)
        self.getAxis("left").setStyle(maxTickLevel=0)
        self.showGrid(x=False, y=True, alpha=0.25)

    def set_palette(self, palette: QPalette) -> None:
        self.setBackground(palette.color(QPalette.ColorRole.Base))
        text = palette.color(QPalette.ColorRole.Text)
        for side in ("bottom", "left"):
            self.getAxis(side).setPen(text)
            self.getAxis(side).setTextPen(text)


class StagesPlot(_Plot):
    """The parts of the latency of the last ``span_s`` seconds, one upon the other, and the markers."""

    def __init__(self, span_s: int) -> None:
        super().__init__("Stages of the latency over time", f"the last {span_s} seconds", "milliseconds")
        self._span_s = span_s
        self._bars = []
        for _, _, colour in STAGES:
            bars = pyqtgraph.BarGraphItem(x0=[], y0=[], width=1, height=[], brush=colour, pen=None)
            bars.setOpts(pen=QColor(colour))
            self.addItem(bars)
            self._bars.append(bars)
        self._lines: list[tuple[int, pyqtgraph.InfiniteLine]] = []
        self.setXRange(-span_s, 0, padding=0.01)

    def show_frames(self, columns: Columns, now_ns: int) -> None:
        """The means of what was submitted at about the same time; flips and changes only."""
        width_ns = self._span_s * _SECOND // _BUCKETS
        start = (now_ns // width_ns - _BUCKETS + 1) * width_ns
        left = (start - now_ns + np.arange(_BUCKETS) * width_ns) / _SECOND
        times = columns.submit_ns[columns.is_new]
        below = np.zeros(_BUCKETS)
        for (name, _, _), bars in zip(STAGES, self._bars, strict=True):
            mean = means(times, getattr(columns, name)[columns.is_new], start, width_ns, _BUCKETS) / _MS
            known = ~np.isnan(mean)
            bars.setOpts(x0=left[known], y0=below[known], width=width_ns / _SECOND, height=mean[known])
            below = below + np.where(known, mean, 0)
        self.setYRange(0, max(1.0, _usual_top(below)), padding=0.05)
        for at_ns, line in self._lines:
            line.setPos((at_ns - now_ns) / _SECOND)

    def add_marker(self, at_ns: int, label: str) -> None:
        """A line with a label at a time; the caller bounds their number."""
        # pyqtgraph takes the label for a format string, in which it puts the line's value.
        label = label.replace("{", "{{").replace("}", "}}")
        options = {"position": 0.92, "color": _MARKER, "rotateAxis": None}
        line = pyqtgraph.InfiniteLine(0, 90, pen=pyqtgraph.mkPen(_MARKER, width=2), label=label, labelOpts=options)
        self._lines.append((at_ns, line))
        self.addItem(line, ignoreBounds=True)

    def drop_first_marker(self) -> None:
        self.removeItem(self._lines.pop(0)[1])


class HistogramPlot(_Plot):
    """How many frames had which latency."""

    def __init__(self) -> None:
        super().__init__("Histogram of the latency", "milliseconds from flip or change to submit", "frames")
        self._bars = pyqtgraph.BarGraphItem(x0=[], y0=0, width=1, height=[], brush="#0072b2", pen=None)
        self._bars.setOpts(pen=QColor("#0072b2"))
        self.addItem(self._bars)

    def show_frames(self, columns: Columns) -> None:
        latency = columns.latency[~np.isnan(columns.latency)] / _MS
        top = max(1.0, _usual_top(latency))
        counts, edges = np.histogram(latency.clip(0, top), _BINS, (0, top))
        self._bars.setOpts(x0=edges[:-1], width=top / _BINS, height=counts)
        self.setXRange(0, top, padding=0.01)
        self.setYRange(0, max(1, int(counts.max())), padding=0.05)


def legend_text() -> str:
    """The stages with their colours, as rich text for a label."""
    return " &nbsp; ".join(f'<span style="color:{colour}">■</span> {label}' for _, label, colour in STAGES)


def set_palettes(parent: QWidget) -> None:
    """Give all plots in a widget its colours."""
    for plot in parent.findChildren(_Plot):
        plot.set_palette(parent.palette())


def _usual_top(values: NDArray[np.float64]) -> float:
    """A top for an axis. A few values that are much greater do not make all others flat."""
    return float(np.percentile(values, 99)) * 1.15 if len(values) else 0.0
