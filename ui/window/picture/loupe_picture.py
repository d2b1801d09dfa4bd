"""The loupe as pixels: some guest pixels magnified with a grid, and what the one in the middle holds.

Painted anew when the pointer moves or the picture changes. Sizes are device-independent pixels.
"""

from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor

from app.formats.pixel_value import PixelValue
from app.planes.placement import Rotation
from ui.window.picture.overlay_paint import BACKGROUND, DIM, TEXT, Pixels, begin, end, paint_background, write

CELLS = 15
"""Guest pixels in each direction. The pixel below the pointer is the one in the middle."""

CELL = 16
WIDTH = 260
_MARGIN = (WIDTH - CELLS * CELL) // 2
_LINE, _PLANE_GAP = 17, 5
# The part of a colour that is left in the lines between pixels, and their grey.
_LINE_STRENGTH, _LINE_GREY = 0.7, 128
_MIDDLE = CELLS // 2


@dataclass(frozen=True, slots=True)
class PlaneReading:
    """What one plane holds at the pixel, which is ``x``, ``y`` of its own image."""

    plane: str
    format: str
    x: int
    y: int
    value: PixelValue


@dataclass(frozen=True, slots=True)
class Reading:
    """What the loupe shows: the guest pixel ``x``, ``y``, the pixels around it, and each plane's value there.

    ``pixels`` has shape (CELLS, CELLS, 4) as the picture lies in the window; what is outside the picture has alpha 0.
    """

    x: int
    y: int
    pixels: Pixels
    planes: tuple[PlaneReading, ...]


def height_of(planes: int) -> int:
    """The height of a loupe that tells of so many planes."""
    return _MARGIN + CELLS * CELL + 6 + _LINE + planes * (2 * _LINE + _PLANE_GAP) + 6


def as_seen(pixels: Pixels, rotation: Rotation, *, flip_x: bool, flip_y: bool) -> Pixels:
    """A part of the guest's picture as it lies in the window (:class:`app.planes.placement.Placement`)."""
    turned = np.rot90(pixels, -rotation.value // 90)
    return turned[:: -1 if flip_y else 1, :: -1 if flip_x else 1]


def magnified(pixels: Pixels, cell: int, line: int) -> Pixels:
    """Each pixel as a square of ``cell`` device pixels, of which ``line`` are the grid above it and left of it."""
    colours = pixels.copy()
    outside = colours[..., 3] == 0
    colours[outside] = (BACKGROUND.red(), BACKGROUND.green(), BACKGROUND.blue(), 255)
    colours[..., 3] = 255
    large = colours.repeat(cell, axis=0).repeat(cell, axis=1)
    row, column = np.indices(large.shape[:2]) % cell
    inside = ~outside.repeat(cell, axis=0).repeat(cell, axis=1)
    grid = ((row < line) | (column < line)) & inside
    mixed = large[grid][..., :3] * _LINE_STRENGTH + _LINE_GREY * (1 - _LINE_STRENGTH)
    large[grid, :3] = mixed.astype(np.uint8)
    return large


def loupe_picture(reading: Reading, ratio: float) -> Pixels:
    """The whole loupe, shape (height, width, 4), with premultiplied colours in device pixels."""
    height = height_of(len(reading.planes))
    image, painter = begin(WIDTH, height, ratio)
    paint_background(painter, QRectF(0, 0, WIDTH, height))
    line = QRectF(_MARGIN, _MARGIN + CELLS * CELL + 6, WIDTH - 2 * _MARGIN, _LINE)
    red, green, blue = (int(each) for each in reading.pixels[_MIDDLE, _MIDDLE, :3])
    write(painter, line, f"x {reading.x}  y {reading.y}", TEXT, 13, bold=True)
    write(painter, line, f"#{red:02x}{green:02x}{blue:02x}", TEXT, 13, Qt.AlignmentFlag.AlignRight)
    swatch = QRectF(line.right() - 76, line.top() + 3, 12, 12)
    painter.fillRect(swatch, QColor(red, green, blue))
    painter.setPen(DIM)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(swatch)
    for plane in reading.planes:
        line.translate(0, _LINE + _PLANE_GAP)
        raw, channels = plane.value.raw, plane.value.channels
        name = f"{plane.plane} {plane.format}"
        if raw is not None:
            bits = ":".join(str(each.bits) for each in channels)
            write(painter, line, f"{name}  {bits}", DIM, 12)
            write(painter, line, raw.hex(" "), TEXT, 12, Qt.AlignmentFlag.AlignRight)
        else:
            write(painter, line, name, DIM, 12)
            write(painter, line, "from the GPU: 8 bits", DIM, 12, Qt.AlignmentFlag.AlignRight)
        line.translate(0, _LINE)
        write(painter, line, "  ".join(f"{each.name} {each.value}" for each in channels), TEXT, 12)
        if (plane.x, plane.y) != (reading.x, reading.y):
            write(painter, line, f"at {plane.x}, {plane.y}", DIM, 12, Qt.AlignmentFlag.AlignRight)
    picture = end(image, painter).copy()
    cell, thin = round(CELL * ratio), max(1, round(ratio))
    corner = round(_MARGIN * ratio)
    cells = magnified(reading.pixels, cell, thin)
    picture[corner : corner + len(cells), corner : corner + len(cells)] = cells
    _frame_middle(picture, corner + _MIDDLE * cell, cell, thin)
    return picture


def _frame_middle(picture: Pixels, start: int, cell: int, thin: int) -> None:
    """A white and a black frame around the middle pixel: one of them is visible on any colour."""
    for distance, grey in ((2 * thin, 0), (thin, 255)):
        first, last = start - distance + thin, start + cell + distance
        # Around the square that the pixel's own colour fills.
        area = picture[first:last, first:last]
        inside = area[thin : len(area) - thin, thin : len(area) - thin].copy()
        area[...] = (grey, grey, grey, 255)
        area[thin : len(area) - thin, thin : len(area) - thin] = inside
