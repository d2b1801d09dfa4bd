"""Pictures to PNG and back."""

import numpy as np
from PyQt6.QtGui import QColor, QImage

from ui.png import png_bytes


def pixel(png: bytes) -> tuple[int, int, int, int]:
    colour: QColor = QImage.fromData(png).pixelColor(0, 0)
    return (colour.red(), colour.green(), colour.blue(), colour.alpha())


def test_a_cursors_premultiplied_colours_are_stored_straight() -> None:
    half_red = np.array([[[128, 0, 0, 128]]], np.uint8)
    assert pixel(png_bytes(half_red, premultiplied=True)) == (255, 0, 0, 128)
    assert pixel(png_bytes(half_red)) == (128, 0, 0, 128)


def test_an_opaque_picture_has_no_alpha_channel() -> None:
    png = png_bytes(np.full((2, 3, 4), 255, np.uint8))
    assert not QImage.fromData(png).hasAlphaChannel()
