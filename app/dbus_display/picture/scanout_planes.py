"""The planes of scanouts: what the listener's calls tell, in this program's terms."""

import errno
import os
from dataclasses import dataclass, replace

from app.abi import drm_fourcc as drm
from app.dbus_display.picture.held_buffers import Held, held_dmabuf, held_file
from app.dbus_display.picture.listener_calls import BadCall, Scanout, ScanoutDmabuf, ScanoutMap
from app.formats.fourcc import pixel_format
from app.planes.check import bytes_needed
from app.planes.display_facts import DisplayProblem
from app.planes.file_buffer import FileBuffer
from app.planes.plane import Backing, Plane, PlaneKind

# A screen is at least this large. Rows and buffers are padded too, but by less.
_LEAST_WIDTH = 320
_LEAST_HEIGHT = 200


@dataclass(frozen=True, slots=True)
class DmabufPlane:
    """``part`` tells why the plane is not, or perhaps not, the part of the buffer that belongs on this screen.

    ``whole_damage``: damage of it may be told in coordinates of the buffer.
    """

    plane: Plane
    part: str = ""
    whole_damage: bool = False


def memory_plane(call: Scanout | ScanoutMap, fourcc: int) -> Plane:
    """The plane of a picture in memory that the CPU reads."""
    return Plane(
        kind=PlaneKind.PRIMARY,
        backing=Backing.MEMORY,
        fourcc=fourcc,
        modifier=drm.DRM_FORMAT_MOD_LINEAR,
        width=call.width,
        height=call.height,
        stride=call.stride,
        size=call.stride * call.height,
        x=0,
        y=0,
        hot_x=None,
        hot_y=None,
    )


def held_map(call: ScanoutMap, plane: Plane) -> Held:
    """The shared memory of a picture. Takes the call's fd over. Raises BadCall for any other file, or a short one."""
    size = bytes_needed(plane)
    try:
        held = held_file(call.fd, call.offset, size, plane)
    except OSError as error:
        raise _wrong_fd("ScanoutMap", call, error) from None
    short = why_too_small(held, call.offset)
    if short:
        held.buffer.release()
        raise BadCall(short, DisplayProblem.MAP_TOO_SMALL)
    return held


def why_too_small(held: Held, offset: int) -> str:
    """Why the file does not hold the plane now; empty if it does."""
    if not isinstance(held.buffer, FileBuffer) or held.buffer.released:
        return ""
    have, needed = os.fstat(held.buffer.fileno()).st_size, offset + held.buffer.size
    return f"the shared memory has {have} bytes where the picture needs {needed}" if have < needed else ""


def held_scanout(call: ScanoutDmabuf, plane: Plane) -> Held:
    """The dma-buf of a picture with one memory plane. Takes its fd over. Raises BadCall for another file."""
    try:
        return held_dmabuf(call.fds[0], plane)
    except OSError as error:
        raise _wrong_fd("ScanoutDMABUF2" if call.second else "ScanoutDMABUF", call, error) from None


def _wrong_fd(member: str, call: ScanoutMap | ScanoutDmabuf, error: OSError) -> Exception:
    """What to raise where a fd cannot be used: another error than EINVAL is no fault of the sender."""
    if error.errno != errno.EINVAL:
        return error
    what = "shared memory" if isinstance(call, ScanoutMap) else "dma-buf"
    return BadCall(f"{member}: {call.width}x{call.height} pixels in a fd that is no {what}", DisplayProblem.WRONG_FD)


def dmabuf_plane(call: ScanoutDmabuf) -> DmabufPlane:
    """The plane of a scanout with one memory plane.

    A part of a larger buffer begins at an offset where pixels are in rows. A tiled one cannot be told to begin within a
    tile, so the whole buffer is shown.
    """
    plane = Plane(
        kind=PlaneKind.PRIMARY,
        backing=Backing.DMABUF,
        fourcc=call.fourcc,
        modifier=call.modifier,
        width=call.width,
        height=call.height,
        stride=call.strides[0],
        size=call.strides[0] * call.height,
        x=0,
        y=0,
        hot_x=None,
        hot_y=None,
        offset=call.offsets[0],
        y_inverted=call.y_inverted,
    )
    if (call.x, call.y) == (0, 0):
        return DmabufPlane(plane)
    return _part_of_larger(call, plane)


def _part_of_larger(call: ScanoutDmabuf, plane: Plane) -> DmabufPlane:
    where = f"{call.width}x{call.height} at {call.x},{call.y} of {call.backing_width}x{call.backing_height} pixels"
    pixels = pixel_format(call.fourcc)
    if pixels is not None and call.modifier == drm.DRM_FORMAT_MOD_LINEAR:
        offset = plane.offset + call.y * plane.stride + call.x * pixels.bytes_per_pixel
        return DmabufPlane(replace(plane, offset=offset), whole_damage=True)
    width, height = call.backing_width, call.backing_height
    whole = replace(plane, width=width, height=height, size=plane.stride * height)
    return DmabufPlane(whole, f"{where}: the buffer is tiled, so all of it is shown", whole_damage=True)


def why_perhaps_part(plane: Plane, size: int) -> str:
    """Why a plane is perhaps a part of a larger buffer of ``size`` bytes; empty if it is not.

    ScanoutDMABUF does not tell it. Rows are then longer than the picture needs, or the buffer has more of them, by a
    screen at least.
    """
    pixels = pixel_format(plane.fourcc)
    if pixels is None or plane.modifier != drm.DRM_FORMAT_MOD_LINEAR:
        return ""
    if plane.stride - pixels.row_bytes(plane.width) >= _LEAST_WIDTH * pixels.bytes_per_pixel:
        return f"rows of {plane.stride} bytes for {plane.width} pixels"
    rows = size // plane.stride
    if rows - plane.height >= max(_LEAST_HEIGHT, plane.height // 2):
        return f"{rows} rows of {plane.stride} bytes for {plane.height} rows of the picture"
    return ""
