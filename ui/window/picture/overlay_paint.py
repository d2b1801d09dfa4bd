"""What the pictures over the guest's picture have in common: how Qt paints them.

All pixels are RGBA with premultiplied colours, in device pixels. Sizes are given in device-independent pixels.
"""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QImage, QPainter

Pixels = NDArray[np.uint8]

RADIUS = 7
BACKGROUND = QColor(18, 20, 24, 238)
TEXT = QColor(240, 242, 246)
DIM = QColor(168, 176, 188)


def begin(width: int, height: int, ratio: float) -> tuple[QImage, QPainter]:
    """A transparent image, and a painter for it whose unit is a device-independent pixel."""
    image = QImage(round(width * ratio), round(height * ratio), QImage.Format.Format_RGBA8888_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(ratio, ratio)
    return image, painter


def end(image: QImage, painter: QPainter) -> Pixels:
    """The painted pixels, shape (height, width, 4)."""
    painter.end()
    bits = image.constBits()
    assert bits is not None
    # Four bytes for each pixel, so rows have no padding.
    data = np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint8)
    return data.reshape(image.height(), image.width(), 4)


def paint_background(painter: QPainter, area: QRectF) -> None:
    """A dark area with round corners."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BACKGROUND)
    painter.drawRoundedRect(area, RADIUS, RADIUS)


def write(
    painter: QPainter,
    area: QRectF,
    text: str,
    colour: QColor,
    pixels: int,
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    *,
    bold: bool = False,
) -> None:
    """Text in the middle of the area's height, at one side of it."""
    # A font with digits of one width, so that the words do not move with every figure.
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(pixels)
    font.setBold(bold)
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), text)
