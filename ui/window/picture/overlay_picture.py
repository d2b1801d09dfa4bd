"""What the overlay shows, as pixels: a few figures in words, and a graph of the last seconds.

The words are painted by Qt, a few times a second at most. The graph is filled by numpy into a background that Qt
painted once.
"""

import math
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor

from app.measure.record.picture_rates import Rates
from app.measure.record.recent_frames import Column
from ui.window.picture.activity_text import cursor_text
from ui.window.picture.overlay_paint import DIM, RADIUS, TEXT, Pixels, begin, end, paint_background, write

# In device-independent pixels.
WIDTH, TEXT_HEIGHT, GRAPH_HEIGHT = 336, 56, 70
_MARGIN = 10
_GRAPH_WIDTH, _BARS_TOP, _BARS_HEIGHT = WIDTH - 2 * _MARGIN, 4, 52

_LINE = QColor(255, 255, 255, 44)
_BAR = (104, 190, 255, 255)
_LATE = (255, 168, 76, 255)
# Below a bar, with the background behind it.
_BELOW_BAR = (48, 86, 116, 246)
_BELOW_LATE = (120, 82, 44, 246)
_SCALES_MS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000)
_MS = 1_000_000

COLUMNS = _GRAPH_WIDTH
"""The columns of the graph."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the words tell. Times are nanoseconds, NaN where unknown. ``stage`` is what the times are of."""

    rates: Rates
    path: str
    stage: str
    median_ns: float
    p99_ns: float


def milliseconds(ns: float) -> str:
    """A time in milliseconds with three digits; a dash where it is unknown."""
    if math.isnan(ns):
        return "–"
    ms = ns / _MS
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:.1f} ms" if ms < 100 else f"{ms:.0f} ms"


def scale_ns(highest_ns: float) -> int:
    """The upper end of a graph whose greatest value this is."""
    return next((ms for ms in _SCALES_MS if highest_ns <= ms * _MS), _SCALES_MS[-1]) * _MS


def text_picture(figures: Figures, ratio: float) -> Pixels:
    """The upper part of the overlay."""
    image, painter = begin(WIDTH, TEXT_HEIGHT, ratio)
    # The lower corners are those of the graph.
    paint_background(painter, QRectF(0, 0, WIDTH, TEXT_HEIGHT + 2 * RADIUS))
    inner = QRectF(_MARGIN, 6, WIDTH - 2 * _MARGIN, 22)
    frames = f"{figures.rates.frames} fps"
    write(painter, inner, frames, TEXT, 15, bold=True)
    beside = inner.adjusted(painter.fontMetrics().horizontalAdvance(frames) + 10, 1, 0, 0)
    write(painter, beside, cursor_text(figures.rates), DIM, 12)
    write(painter, inner, figures.path, DIM, 12, Qt.AlignmentFlag.AlignRight)
    inner.moveTop(29)
    words = f"median {milliseconds(figures.median_ns)}   99 % {milliseconds(figures.p99_ns)}"
    write(painter, inner, figures.stage, DIM, 12)
    write(painter, inner, words, TEXT, 12, Qt.AlignmentFlag.AlignRight)
    return end(image, painter)


def graph_background(top_ns: int, span_s: int, ratio: float) -> Pixels:
    """The lower part of the overlay without values: its scale and its span."""
    image, painter = begin(WIDTH, GRAPH_HEIGHT, ratio)
    paint_background(painter, QRectF(0, -2 * RADIUS, WIDTH, GRAPH_HEIGHT + 2 * RADIUS))
    bottom = _BARS_TOP + _BARS_HEIGHT
    for y in (_BARS_TOP, _BARS_TOP + _BARS_HEIGHT // 2, bottom):
        painter.fillRect(QRectF(_MARGIN, y, _GRAPH_WIDTH, 1), _LINE)
    labels = QRectF(_MARGIN, bottom, _GRAPH_WIDTH, GRAPH_HEIGHT - bottom - 1)
    write(painter, labels, f"0 to {top_ns // _MS} ms", DIM, 9)
    write(painter, labels, f"last {span_s} s", DIM, 9, Qt.AlignmentFlag.AlignRight)
    return end(image, painter)


def draw_bars(background: Pixels, low: Column, high: Column, top_ns: int, late_ns: float, ratio: float) -> Pixels:
    """The graph: a bar from the least to the greatest value of each column, in another colour above ``late_ns``.

    Values above the scale end at its top. Columns that are NaN are empty.
    """
    picture = background.copy()
    height = round(_BARS_HEIGHT * ratio)
    left, top = round(_MARGIN * ratio), round(_BARS_TOP * ratio)
    thickness = max(1, round(2 * ratio))
    # Each column is drawn as wide as it is on the screen.
    columns = (np.arange(round(len(high) * ratio)) / ratio).astype(int).clip(0, len(high) - 1)
    low, high = low[columns], high[columns]
    known = ~np.isnan(high)
    upper = np.where(known, high, 0).clip(0, top_ns) * (height / top_ns)
    lower = np.where(known, low, 0).clip(0, top_ns) * (height / top_ns)
    # A single value is a dot. The heights of pixels are counted from the bottom.
    lower = np.minimum(lower, upper - thickness).clip(0)
    upper = np.maximum(upper, lower + thickness)
    rows = np.arange(height - 1, -1, -1)[:, None] + 0.5
    late = np.where(known, high, 0) > late_ns
    area = picture[top : top + height, left : left + len(high)]
    below, bars = (rows < lower) & known, (rows >= lower) & (rows <= upper) & known
    for where, colour in ((below, (_BELOW_BAR, _BELOW_LATE)), (bars, (_BAR, _LATE))):
        area[where & ~late] = colour[0]
        area[where & late] = colour[1]
    return picture
