"""What the overlay shows, as pixels: a few figures in words, and a graph of the last seconds.

The words are painted by Qt, a few times a second at most. The graph is filled by numpy into a background that Qt
painted once. All pixels are RGBA with premultiplied colours, in device pixels.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QImage, QPainter

from app.measure.record.recent_frames import Column

Pixels = NDArray[np.uint8]

# In device-independent pixels.
WIDTH, TEXT_HEIGHT, GRAPH_HEIGHT = 336, 56, 70
_MARGIN, _RADIUS = 10, 7
_GRAPH_WIDTH, _BARS_TOP, _BARS_HEIGHT = WIDTH - 2 * _MARGIN, 4, 52

_BACKGROUND = QColor(18, 20, 24, 238)
_TEXT = QColor(240, 242, 246)
_DIM = QColor(168, 176, 188)
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

    frames_per_second: int
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
    image, painter = _begin(TEXT_HEIGHT, ratio)
    # The lower corners are those of the graph.
    _paint_background(painter, QRectF(0, 0, WIDTH, TEXT_HEIGHT + 2 * _RADIUS))
    inner = QRectF(_MARGIN, 6, WIDTH - 2 * _MARGIN, 22)
    _write(painter, inner, f"{figures.frames_per_second} fps", _TEXT, 15, bold=True)
    _write(painter, inner, figures.path, _DIM, 12, Qt.AlignmentFlag.AlignRight)
    inner.moveTop(29)
    words = f"median {milliseconds(figures.median_ns)}   99 % {milliseconds(figures.p99_ns)}"
    _write(painter, inner, figures.stage, _DIM, 12)
    _write(painter, inner, words, _TEXT, 12, Qt.AlignmentFlag.AlignRight)
    return _end(image, painter)


def graph_background(top_ns: int, span_s: int, ratio: float) -> Pixels:
    """The lower part of the overlay without values: its scale and its span."""
    image, painter = _begin(GRAPH_HEIGHT, ratio)
    _paint_background(painter, QRectF(0, -2 * _RADIUS, WIDTH, GRAPH_HEIGHT + 2 * _RADIUS))
    bottom = _BARS_TOP + _BARS_HEIGHT
    for y in (_BARS_TOP, _BARS_TOP + _BARS_HEIGHT // 2, bottom):
        painter.fillRect(QRectF(_MARGIN, y, _GRAPH_WIDTH, 1), _LINE)
    labels = QRectF(_MARGIN, bottom, _GRAPH_WIDTH, GRAPH_HEIGHT - bottom - 1)
    _write(painter, labels, f"0 to {top_ns // _MS} ms", _DIM, 9)
    _write(painter, labels, f"last {span_s} s", _DIM, 9, Qt.AlignmentFlag.AlignRight)
    return _end(image, painter)


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


def _begin(height: int, ratio: float) -> tuple[QImage, QPainter]:
    image = QImage(round(WIDTH * ratio), round(height * ratio), QImage.Format.Format_RGBA8888_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(ratio, ratio)
    return image, painter


def _end(image: QImage, painter: QPainter) -> Pixels:
    painter.end()
    bits = image.constBits()
    assert bits is not None
    # Four bytes for each pixel, so rows have no padding.
    data = np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint8)
    return data.reshape(image.height(), image.width(), 4)


def _paint_background(painter: QPainter, area: QRectF) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_BACKGROUND)
    painter.drawRoundedRect(area, _RADIUS, _RADIUS)


def _write(
    painter: QPainter,
    area: QRectF,
    text: str,
    colour: QColor,
    pixels: int,
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    *,
    bold: bool = False,
) -> None:
    # A font with digits of one width, so that the words do not move with every figure.
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(pixels)
    font.setBold(bold)
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), text)
