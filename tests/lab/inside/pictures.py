"""Pictures to draw into a device, and saved pictures to compare with."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QImage

from tests.lab.inside.rawvfio import Picture, random_picture

Colours = NDArray[np.uint8]


def colours(picture: Picture) -> Colours:
    """The colours of an XR24 picture, of shape (height, width, 3), red first."""
    return np.ascontiguousarray(picture, "<u4").view(np.uint8).reshape(*picture.shape, 4)[..., 2::-1].copy()


def read_png(path: Path) -> Colours:
    """The colours of a PNG. Without a conversion, which starts Qt threads that keep files open for half a minute."""
    image = QImage(str(path))
    assert image.format() in (QImage.Format.Format_RGB32, QImage.Format.Format_ARGB32), (path, image.format())
    bits = image.constBits()
    assert bits is not None
    data = np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint32)
    return colours(data.reshape(image.height(), image.bytesPerLine() // 4)[:, : image.width()])


def card(width: int, height: int, seed: int = 0) -> Picture:
    """Eight bars over a ramp in a white frame of one pixel, for people; noise in a corner, for tests."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    bar = 7 - x * 8 // width
    bars = (bar >> 1 & 1) * 0xFF0000 | (bar >> 2 & 1) * 0x00FF00 | (bar & 1) * 0x0000FF
    picture = np.where(y < height * 2 // 3, bars, (x * 255 // (width - 1)) * 0x010101).astype(np.uint32)
    picture[[0, -1], :] = picture[:, [0, -1]] = 0xFFFFFF
    picture[8:40, 8:40] = rng.integers(0, 1 << 24, (32, 32), dtype=np.uint32)
    return picture


def framed_card(width: int, height: int) -> Picture:
    """A test card in a broad frame of noise, so that the edges of all rows differ."""
    picture = random_picture(width, height)
    picture[64:-64, 64:-64] = card(width - 128, height - 128)
    return picture


def place_of(part: Colours, whole: Colours) -> tuple[int, int] | None:
    """Find a picture with noise in a larger one, exact in each pixel. Returns x, y of its top left corner, or None."""
    spot = (8, 8)
    rows, columns = np.nonzero((whole == part[spot]).all(axis=2))
    height, width, _ = part.shape
    for row, column in zip(rows - spot[0], columns - spot[1], strict=True):
        if row >= 0 and column >= 0 and np.array_equal(whole[row : row + height, column : column + width], part):
            return int(column), int(row)
    return None
