"""Where the tiles of an overview lie: a grid of equal tiles, as large as the window allows. Pure geometry.

Lengths are Qt's device-independent pixels. A tile is a picture with a caption below.
"""

from dataclasses import dataclass
from enum import Enum

CAPTION = 46
GAP = 20
# Wide enough for a picture on which a person recognises a desktop, and for the caption.
_LEAST_WIDTH = 220
_MOST_WIDTH = 640
# Of most guests.
_ASPECT = 16 / 9


class Step(Enum):
    """A step of the keyboard from tile to tile. The value is ``(columns, rows)``."""

    LEFT = (-1, 0)
    RIGHT = (1, 0)
    UP = (0, -1)
    DOWN = (0, 1)


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of one tile."""

    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Grid:
    """The places of all tiles in order, and the ``height`` that they need."""

    columns: int
    cells: tuple[Cell, ...]
    height: int

    def neighbour(self, index: int, step: Step) -> int:
        """The tile that the keyboard goes to from ``index``; the same one at an edge."""
        columns, rows = step.value
        if rows:
            there = index + rows * self.columns
            # From the last full row down to a row that is not full: its last tile.
            last = len(self.cells) - 1
            if there > last and index // self.columns < last // self.columns:
                return last
            return there if 0 <= there <= last else index
        return min(max(index + columns, 0), len(self.cells) - 1)


def lay_out(count: int, width: int, height: int) -> Grid:
    """Lay out ``count`` tiles in an area of this size; the grid may be higher than the area, which then scrolls."""
    if count < 1:
        return Grid(1, (), 0)
    columns, tile_width = max(
        ((each, _fitting_width(count, each, width, height)) for each in range(1, count + 1)),
        key=lambda fit: fit[1],
    )
    if tile_width < _LEAST_WIDTH:
        columns = min(count, max(1, (width - GAP) // (_LEAST_WIDTH + GAP)))
        tile_width = min(_MOST_WIDTH, max(1, _width_in(columns, width)))
    tile_height = _tile_height(tile_width)
    rows = -(-count // columns)
    needed = rows * (tile_height + GAP) + GAP
    left = max(0, (width - columns * tile_width - (columns - 1) * GAP) // 2)
    top = GAP + max(0, (height - needed) // 2)
    cells = tuple(
        Cell(
            left + (index % columns) * (tile_width + GAP),
            top + (index // columns) * (tile_height + GAP),
            tile_width,
            tile_height,
        )
        for index in range(count)
    )
    return Grid(columns, cells, max(needed, height) if needed <= height else needed)


def _width_in(columns: int, width: int) -> int:
    """The width of a tile if so many lie side by side."""
    return (width - GAP * (columns + 1)) // columns


def _tile_height(tile_width: int) -> int:
    return max(1, round(tile_width / _ASPECT)) + CAPTION


def _fitting_width(count: int, columns: int, width: int, height: int) -> int:
    """The largest width of a tile with which all tiles fit into the area; 0 or less if none does."""
    rows = -(-count // columns)
    picture_height = (height - GAP * (rows + 1)) // rows - CAPTION
    by_height = int((picture_height - 1) * _ASPECT)
    return min(_width_in(columns, width), by_height, _MOST_WIDTH)
