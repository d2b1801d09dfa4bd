"""Whether a reported plane can be what the driver says it is.

The values come from a guest by way of a driver, and EGL implementations do not all validate what they import
(llvmpipe takes a buffer of any size), so nothing reaches them unchecked.
"""

from app.formats.fourcc import fourcc_text, pixel_format
from app.formats.modifier import tile_of
from app.planes.plane import Plane
from app.planes.status import Reason, Status

# Twice 8K: no scanout engine goes beyond it, and products of sane values stay far from overflow.
_MAX_EDGE = 16384
_MAX_STRIDE = _MAX_EDGE * 16


def bytes_needed(plane: Plane) -> int:
    """How many bytes of a buffer a plane of known format reaches to; padding after the last row is not needed."""
    known = pixel_format(plane.fourcc)
    if known is None:
        return plane.offset + plane.stride * plane.height
    tile = tile_of(plane.modifier, known.bytes_per_pixel)
    if tile is None:
        return plane.offset + plane.stride * (plane.height - 1) + known.row_bytes(plane.width)
    return plane.offset + plane.stride * (-(-plane.height // tile.height) * tile.height)


def fault_of(plane: Plane, buffer_size: int) -> Status | None:
    """Why the plane cannot be shown from a buffer of that many bytes; None when nothing speaks against it."""
    known = pixel_format(plane.fourcc)
    if known is None:
        return Status(Reason.UNKNOWN_FORMAT, f"fourcc {fourcc_text(plane.fourcc)}")
    if not (1 <= plane.width <= _MAX_EDGE and 1 <= plane.height <= _MAX_EDGE):
        return Status(Reason.BAD_GEOMETRY, f"{plane.width}x{plane.height} pixels")
    least = known.row_bytes(plane.width)
    if not least <= plane.stride <= _MAX_STRIDE:
        return Status(
            Reason.BAD_GEOMETRY,
            f"stride {plane.stride} for {plane.width} pixels of {known.name} ({least} bytes)",
        )
    if plane.offset < 0:
        return Status(Reason.BAD_GEOMETRY, f"offset {plane.offset}")
    tile = tile_of(plane.modifier, known.bytes_per_pixel)
    if tile is not None and plane.stride % tile.width_bytes:
        return Status(
            Reason.BAD_GEOMETRY,
            f"stride {plane.stride} is no multiple of the tile's {tile.width_bytes} bytes",
        )
    needed = bytes_needed(plane)
    if needed > buffer_size:
        return Status(Reason.BUFFER_TRUNCATED, f"{buffer_size} bytes where the plane covers {needed}")
    return None
