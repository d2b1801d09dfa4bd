"""The calls that QEMU makes on a listener, as values whose ranges are checked (ui/dbus-display1.xml).

QEMU passes on what its guest chose, and another program may pose as QEMU: nothing is used before it is checked.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jeepney import HeaderFields, Message
from jeepney.fds import FileDescriptor, NoFDError

from app.dbus_display.picture.pixman import pixman_fourcc
from app.dbus_display.wire.messages import fds_in
from app.dbus_display.wire.names import LISTENER, LISTENER_DMABUF2, LISTENER_MAP, UNKNOWN_METHOD
from app.formats.fourcc import pixel_format
from app.formats.reading import MAX_EDGE, MAX_STRIDE
from app.planes.display_facts import DisplayProblem
from app.text.clean import LONGEST_LINE, clean

MAX_CURSOR_EDGE = 512
"""QEMU's limit for a cursor's edges (cursor_alloc() in ui/cursor.c)."""

Bytes = bytes | memoryview
"""Read-only; a part of the message."""

_MOST_PLANES = 4
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"


class BadCall(Exception):
    """A call that cannot be followed. ``error`` is the D-Bus name of the reply, the text its words and the evidence."""

    def __init__(
        self, text: str, problem: DisplayProblem = DisplayProblem.BAD_MESSAGE, error: str = INVALID_ARGS
    ) -> None:
        super().__init__(text)
        self.problem = problem
        self.error = error


@dataclass(frozen=True, slots=True)
class Scanout:
    """A whole picture by value. ``pixman`` is the code of its format; ``data`` has all rows."""

    width: int
    height: int
    stride: int
    pixman: int
    data: Bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A part of the picture by value; ``stride`` is that of ``data``. The part may reach beyond the picture."""

    x: int
    y: int
    width: int
    height: int
    stride: int
    pixman: int
    data: Bytes


@dataclass(frozen=True, slots=True)
class ScanoutMap:
    """A picture in shared memory. Whoever takes the call closes ``fd``."""

    fd: int
    offset: int
    width: int
    height: int
    stride: int
    pixman: int


@dataclass(frozen=True, slots=True)
class UpdateMap:
    """Pixels of the shared memory changed. The rectangle may reach beyond the picture."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ScanoutDmabuf:
    """A picture in a dma-buf, as both calls for it tell. Whoever takes the call closes every one of ``fds``.

    The picture is ``width`` x ``height`` pixels from ``x``, ``y`` of the buffer, whose rows have ``backing_width``
    pixels. ``offsets`` and ``strides`` have one value for each memory plane. ``y_inverted``: row 0 is the bottom row.
    ``second``: it came by ScanoutDMABUF2. ScanoutDMABUF does not tell the position and the size of the whole.
    """

    fds: tuple[int, ...]
    width: int
    height: int
    offsets: tuple[int, ...]
    strides: tuple[int, ...]
    fourcc: int
    modifier: int
    y_inverted: bool
    x: int = 0
    y: int = 0
    backing_width: int = 0
    backing_height: int = 0
    second: bool = False


@dataclass(frozen=True, slots=True)
class UpdateDmabuf:
    """Pixels of the dma-buf changed. The reply is the frame's acknowledgement."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Disable:
    """The scanout is released. That does not mean that the screen is off."""


@dataclass(frozen=True, slots=True)
class MouseSet:
    """The cursor's top-left corner, not its hot spot, and whether it is visible.

    virtio-gpu passes on where the guest's plane is, and QEMU's SPICE display adds the hot spot (ui/spice-display.c,
    qemu_spice_create_cursor_update).
    """

    x: int
    y: int
    on: bool


@dataclass(frozen=True, slots=True)
class CursorDefine:
    """The cursor's picture: ARGB8888 with straight alpha, without padding."""

    width: int
    height: int
    hot_x: int
    hot_y: int
    data: Bytes


ListenerCall = (
    Scanout | Update | ScanoutMap | UpdateMap | ScanoutDmabuf | UpdateDmabuf | Disable | MouseSet | CursorDefine
)


def listener_call(message: Message) -> ListenerCall:
    """The call in a message. Takes over every FileDescriptor object in it: what the call does not have is closed.

    Raises BadCall, with every fd closed.
    """
    try:
        return _read(message)
    finally:
        for each in fds_in(message.body):
            with suppress(NoFDError):
                each.close()


def member_of(message: Message) -> str:
    """The name of the method that is called, as it may be shown."""
    return clean(str(message.header.fields.get(HeaderFields.member, "")))


def _read(message: Message) -> ListenerCall:
    fields = message.header.fields
    interface, member = fields.get(HeaderFields.interface), fields.get(HeaderFields.member)
    known = _CALLS.get((interface, member))
    if known is None:
        raise BadCall(f"there is no method {clean(f'{interface}.{member}')}", error=UNKNOWN_METHOD)
    signature, read = known
    given = fields.get(HeaderFields.signature, "")
    if given != signature:
        raise BadCall(f"{member}: the signature is {clean(str(given))!r} and not {signature!r}")
    try:
        call: ListenerCall = read(*message.body)
    except BadCall as bad:
        raise BadCall(clean(f"{member}: {bad}", LONGEST_LINE), bad.problem, bad.error) from None
    return call


def _scanout(width: int, height: int, stride: int, pixman: int, data: Bytes) -> Scanout:
    _check_rows(width, height, stride, pixman, len(data))
    return Scanout(width, height, stride, pixman, data)


def _update(x: int, y: int, width: int, height: int, stride: int, pixman: int, data: Bytes) -> Update:
    _check_rows(width, height, stride, pixman, len(data))
    return Update(x, y, width, height, stride, pixman, data)


def _scanout_map(fd: FileDescriptor, offset: int, width: int, height: int, stride: int, pixman: int) -> ScanoutMap:
    _check_rows(width, height, stride, pixman, None)
    return ScanoutMap(fd.to_raw_fd(), offset, width, height, stride, pixman)


def _update_map(x: int, y: int, width: int, height: int) -> UpdateMap:
    _check_damage(width, height)
    return UpdateMap(x, y, width, height)


def _scanout_dmabuf(
    fd: FileDescriptor, width: int, height: int, stride: int, fourcc: int, modifier: int, y0_top: bool
) -> ScanoutDmabuf:
    _check_size(width, height)
    _check_stride(stride)
    return ScanoutDmabuf((fd.to_raw_fd(),), width, height, (0,), (stride,), fourcc, modifier, y0_top)


def _scanout_dmabuf2(
    fds: list[FileDescriptor],
    x: int,
    y: int,
    width: int,
    height: int,
    offsets: list[int],
    strides: list[int],
    planes: int,
    fourcc: int,
    backing_width: int,
    backing_height: int,
    modifier: int,
    y0_top: bool,
) -> ScanoutDmabuf:
    _check_size(width, height)
    if not 1 <= planes <= _MOST_PLANES:
        raise BadCall(f"{planes} memory planes")
    if not (len(offsets) == len(strides) == planes and 1 <= len(fds) <= planes):
        raise BadCall(f"{len(fds)} fds, {len(offsets)} offsets and {len(strides)} strides for {planes} memory planes")
    if len({id(each) for each in fds}) < len(fds):
        raise BadCall("one fd twice")
    if x > MAX_EDGE or y > MAX_EDGE or not (1 <= backing_width <= MAX_EDGE and 1 <= backing_height <= MAX_EDGE):
        raise BadCall(f"a part at {x},{y} of {backing_width}x{backing_height} pixels")
    for each in strides:
        _check_stride(each)
    return ScanoutDmabuf(
        tuple(each.to_raw_fd() for each in fds),
        width,
        height,
        tuple(offsets),
        tuple(strides),
        fourcc,
        modifier,
        y0_top,
        x,
        y,
        backing_width,
        backing_height,
        second=True,
    )


def _update_dmabuf(x: int, y: int, width: int, height: int) -> UpdateDmabuf:
    _check_damage(width, height)
    return UpdateDmabuf(x, y, width, height)


def _mouse_set(x: int, y: int, on: int) -> MouseSet:
    return MouseSet(x, y, on != 0)


def _cursor_define(width: int, height: int, hot_x: int, hot_y: int, data: Bytes) -> CursorDefine:
    if not (1 <= width <= MAX_CURSOR_EDGE and 1 <= height <= MAX_CURSOR_EDGE):
        raise BadCall(f"a cursor of {width}x{height} pixels")
    if len(data) != width * height * 4:
        raise BadCall(f"{len(data)} bytes for a cursor of {width}x{height} pixels")
    return CursorDefine(width, height, hot_x, hot_y, data)


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= MAX_EDGE and 1 <= height <= MAX_EDGE):
        raise BadCall(f"{width}x{height} pixels are not from 1x1 to {MAX_EDGE}x{MAX_EDGE}")


def _check_stride(stride: int) -> None:
    if not 1 <= stride <= MAX_STRIDE:
        raise BadCall(f"a stride of {stride} bytes is not from 1 to {MAX_STRIDE}")


def _check_damage(width: int, height: int) -> None:
    if width < 0 or height < 0:
        raise BadCall(f"{width}x{height} pixels changed")


def _check_rows(width: int, height: int, stride: int, pixman: int, given: int | None) -> None:
    """Whether rows of a known format fit their stride, and all of them fit ``given`` bytes; None: it is not known."""
    _check_size(width, height)
    _check_stride(stride)
    fourcc = pixman_fourcc(pixman)
    format_ = None if fourcc is None else pixel_format(fourcc)
    row = 1 if format_ is None else format_.row_bytes(width)
    if stride < row:
        raise BadCall(f"a stride of {stride} bytes for rows of {row}")
    needed = stride * (height - 1) + row
    if given is not None and given < needed:
        raise BadCall(f"{given} bytes where {width}x{height} pixels with a stride of {stride} take {needed}")


_CALLS: dict[tuple[object, object], tuple[str, Callable[..., Any]]] = {
    (LISTENER, "Scanout"): ("uuuuay", _scanout),
    (LISTENER, "Update"): ("iiiiuuay", _update),
    (LISTENER, "ScanoutDMABUF"): ("huuuutb", _scanout_dmabuf),
    (LISTENER, "UpdateDMABUF"): ("iiii", _update_dmabuf),
    (LISTENER, "Disable"): ("", Disable),
    (LISTENER, "MouseSet"): ("iii", _mouse_set),
    (LISTENER, "CursorDefine"): ("iiiiay", _cursor_define),
    (LISTENER_MAP, "ScanoutMap"): ("huuuuu", _scanout_map),
    (LISTENER_MAP, "UpdateMap"): ("iiii", _update_map),
    (LISTENER_DMABUF2, "ScanoutDMABUF2"): ("ahuuuuauauuuuutb", _scanout_dmabuf2),
}
