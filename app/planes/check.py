"""Checks whether the values of a plane are possible.

The values come from a guest, through a driver. Not every EGL implementation checks what it imports (llvmpipe takes a
buffer of any size), so each plane is checked before its import.
"""

from app.formats.fourcc import fourcc_text, pixel_format
from app.formats.modifier import tile_of
from app.formats.reading import MAX_EDGE, MAX_STRIDE
from app.planes.plane import Plane
from app.planes.status import Reason, Status


def bytes_needed(plane: Plane) -> int:
    """The size in bytes that a buffer must have to hold a plane. Padding after the last row is not counted."""
    pixels = pixel_format(plane.fourcc)
    if pixels is None:
        return plane.offset + plane.stride * plane.height
    tile = tile_of(plane.modifier, pixels.bytes_per_pixel)
    if tile is None:
        return plane.offset + plane.stride * (plane.height - 1) + pixels.row_bytes(plane.width)
    return plane.offset + plane.stride * (-(-plane.height // tile.height) * tile.height)


def check_plane(plane: Plane, buffer_size: int) -> Status | None:
    """Why a plane cannot be shown from a buffer of ``buffer_size`` bytes; None if it can."""
    pixels = pixel_format(plane.fourcc)
    if pixels is None:
        return Status(Reason.UNKNOWN_FORMAT, f"fourcc {fourcc_text(plane.fourcc)}")
    if not (1 <= plane.width <= MAX_EDGE and 1 <= plane.height <= MAX_EDGE):
        return Status(Reason.BAD_GEOMETRY, f"{plane.width}x{plane.height} pixels")
    row = pixels.row_bytes(plane.width)
    if not row <= plane.stride <= MAX_STRIDE:
        return Status(
            Reason.BAD_GEOMETRY,
            f"stride {plane.stride} for {plane.width} pixels of {pixels.name} ({row} bytes)",
        )
    if plane.offset < 0:
        return Status(Reason.BAD_GEOMETRY, f"offset {plane.offset}")
    tile = tile_of(plane.modifier, pixels.bytes_per_pixel)
    if tile is not None and plane.stride % tile.width_bytes:
        return Status(
            Reason.BAD_GEOMETRY,
            f"stride {plane.stride} is no multiple of the tile's {tile.width_bytes} bytes",
        )
    needed = bytes_needed(plane)
    if needed > buffer_size:
        return Status(Reason.BUFFER_TRUNCATED, f"{buffer_size} bytes where the plane covers {needed}")
    return None
