"""The pixels below the loupe: which way they lie, and how they are magnified."""

import numpy as np
import pytest

from app.planes.placement import Placement, Rect, Rotation, place
from ui.window.picture.loupe_picture import as_seen, magnified


def _pixels(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, np.newaxis]
    return pixels


@pytest.mark.parametrize("rotation", Rotation)
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
def test_they_lie_as_the_picture_lies_in_the_window(rotation: Rotation, flip_x: bool, flip_y: bool) -> None:
    width, height = 9, 5
    seen = as_seen(_pixels(width, height), rotation, flip_x=flip_x, flip_y=flip_y)
    size = (height, width) if rotation.sideways else (width, height)
    placement: Placement = place((width, height), Rect(0, 0, *size), flip_x=flip_x, flip_y=flip_y, rotation=rotation)
    for y in range(size[1]):
        for x in range(size[0]):
            assert placement.guest_pixel(x + 0.5, y + 0.5) == tuple(seen[y, x, :2])


@pytest.mark.parametrize(("cell", "line"), [(14, 1), (28, 2), (3, 1)])
def test_each_is_a_square_with_a_line_above_and_left_of_it(cell: int, line: int) -> None:
    pixels = _pixels(4, 3)
    pixels[..., :2] *= 60
    pixels[2, 3] = 0
    large = magnified(pixels, cell, line)
    assert large.shape == (3 * cell, 4 * cell, 4)
    assert (large[..., 3] == 255).all()
    for y in range(3):
        for x in range(4):
            square = large[y * cell : (y + 1) * cell, x * cell : (x + 1) * cell]
            inner = square[line:, line:, :3]
            if (x, y) == (3, 2):
                assert (square == square[0, 0]).all() and square.max(axis=2).max() == 255 and inner.max() < 40
            else:
                assert (inner == pixels[y, x, :3]).all()
                assert (square[:line, :, :3] != pixels[y, x, :3]).any(axis=2).all()
                assert (square[:, :line, :3] != pixels[y, x, :3]).any(axis=2).all()
