"""A part of the picture, and whether its pixels change: compared in memory, where the CPU can read it."""

import errno
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat, pixel_format
from app.planes.frame import Surface
from app.planes.plane import Plane


@dataclass(frozen=True, slots=True)
class PictureRegion:
    """A rectangle of the primary plane, in pixels from the top-left corner of the picture."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    def lies_in(self, width: int, height: int) -> bool:
        """Whether a picture of this size has all of it."""
        return self.x + self.width <= width and self.y + self.height <= height


class MappedRegionLooks:
    """Looks at linear planes through the mapping of their buffers, which copies memory that may vanish.

    Takes as much memory as the region. A look at 200 x 50 pixels takes some 20 microseconds, one at 1920 x 1080 about a
    millisecond.
    """

    def __init__(self) -> None:
        self._layout: tuple[object, ...] = ()
        self._seen: npt.NDArray[np.generic] | None = None

    def changed(self, surface: Surface, region: PictureRegion) -> bool:
        """Whether the pixels differ from those of the look before. False for the first look.

        The same pixels in another buffer are no change; another size or format of the plane is one. The region must lie
        in the plane, and the plane must fit its buffer. Raises OSError if the CPU cannot read the pixels, ValueError
        after the buffer's release.
        """
        plane, buffer = surface.plane, surface.buffer
        format_ = pixel_format(plane.fourcc)
        if format_ is None or plane.modifier not in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID):
            raise OSError(errno.EINVAL, "the pixels are not in rows")
        start, row_bytes = _place(plane, format_, region)
        length = (region.height - 1) * plane.stride + row_bytes
        with buffer.mapping(start, length) as memory:
            if len(memory) < length:
                raise OSError(errno.EFAULT, "the last page of the buffer is not mapped whole")
            return self._compare(memory, plane, region, row_bytes)

    def _compare(self, memory: memoryview, plane: Plane, region: PictureRegion, row_bytes: int) -> bool:
        # No array may use the mapping after it ended, so the names of such arrays end with this function.
        unit = next(each for each in (8, 4, 2, 1) if not (row_bytes | plane.stride) % each)
        shape = (region.height, row_bytes // unit)
        rows = np.ndarray(shape, np.dtype(f"u{unit}"), memory, 0, (plane.stride, unit))
        layout = (plane.import_key, region)
        if self._seen is None or self._layout != layout:
            before, self._layout, self._seen = self._seen, layout, rows.copy()
            return before is not None
        if np.array_equal(rows, self._seen):
            return False
        self._seen[...] = rows
        return True


def _place(plane: Plane, format_: PixelFormat, region: PictureRegion) -> tuple[int, int]:
    """The offset of the region's first byte in the buffer, and the bytes of each row of it."""
    multiple = format_.width_multiple
    first = region.x // multiple * multiple
    row = plane.height - region.y - region.height if plane.y_inverted else region.y
    start = plane.offset + row * plane.stride + first * format_.bytes_per_pixel
    return start, format_.row_bytes(region.x + region.width - first)
