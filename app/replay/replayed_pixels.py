"""The bytes that a replayed buffer gets: those of the recorded one, or made of what a GPU had drawn of it."""

import numpy as np
import numpy.typing as npt

from app.formats import decode, tiling
from app.formats.fourcc import pixel_format
from app.replay.schema import MOST_CONTENT, Pixels

# As in app/planes/check.py: no scanout engine supports more.
_MOST_STRIDE = 16384 * 16


def bytes_of(pixels: Pixels, contents: bytes, size: int) -> npt.NDArray[np.uint8]:
    """At most ``size`` bytes for a buffer: none if they cannot be made of the contents."""
    if pixels.source == "gpu":
        return _encoded(pixels, contents)[:size]
    return np.frombuffer(contents, np.uint8)[:size]


def _encoded(pixels: Pixels, contents: bytes) -> npt.NDArray[np.uint8]:
    """The picture in the plane's own format and tiling."""
    none = np.empty(0, np.uint8)
    layout = pixel_format(pixels.fourcc)
    if layout is None or len(contents) != pixels.width * pixels.height * 4 or not contents:
        return none
    if not layout.row_bytes(pixels.width) <= pixels.stride <= _MOST_STRIDE:
        return none
    modifier, size = pixels.modifier, layout.bytes_per_pixel
    if not tiling.can_tile(modifier, size):
        return none
    if tiling.plane_size(modifier, size, pixels.stride, pixels.height) > MOST_CONTENT:
        return none
    rgba = np.frombuffer(contents, np.uint8).reshape(pixels.height, pixels.width, 4)
    try:
        return tiling.tile(decode.encode(rgba, layout), modifier, size, pixels.stride)
    except ValueError:
        return none
