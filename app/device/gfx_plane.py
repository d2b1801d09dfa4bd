"""The display ioctls: probe, QUERY_GFX_PLANE and GET_GFX_DMABUF."""

import errno
import os
from dataclasses import dataclass

from app.abi import vfio
from app.device.seam import Device, new_fd
from app.planes.plane import Backing, Plane, PlaneKind

# Answers of one plane that are kept. A guest flips among a few buffers; a cursor that moves has new answers each time.
_MOST_KNOWN = 32
_FLAG = {
    Backing.DMABUF: vfio.VFIO_GFX_PLANE_TYPE_DMABUF,
    Backing.REGION: vfio.VFIO_GFX_PLANE_TYPE_REGION,
}


def _query_struct(kind: PlaneKind, flags: int) -> bytes:
    """A query struct with zeros in all fields except the input fields.

    If the pipe is off, GVT-g returns success and does not change the struct. Old values would look like a plane.
    """
    size = vfio.GFX_PLANE_INFO.size
    return vfio.GFX_PLANE_INFO.pack(size, flags, kind.value, *(0,) * 12)


@dataclass(frozen=True, slots=True)
class DisplayOffer:
    """The kinds of planes that the device says it supports."""

    dmabuf: bool
    region: bool

    @property
    def backing(self) -> Backing | None:
        """The kind to use: dma-bufs before regions, because they need no copy. None if there is neither."""
        if self.dmabuf:
            return Backing.DMABUF
        return Backing.REGION if self.region else None


def probe(device: Device) -> DisplayOffer:
    """Ask which kinds of planes the device supports. Raises OSError for errors other than "not supported"."""
    return DisplayOffer(_supports(device, Backing.DMABUF), _supports(device, Backing.REGION))


def _supports(device: Device, backing: Backing) -> bool:
    flags = vfio.VFIO_GFX_PLANE_TYPE_PROBE | _FLAG[backing]
    try:
        device.ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, bytearray(_query_struct(PlaneKind.PRIMARY, flags)))
    except OSError as error:
        # A device without the ioctl (any vfio-pci function) answers ENOTTY.
        if error.errno in (errno.EINVAL, errno.ENOTTY):
            return False
        raise
    return True


class PlaneQuery:
    """Queries one plane repeatedly.

    If the answer equals the last one or another one of late, the result is the *same* Plane object. So a query that
    finds nothing new costs one ioctl and a comparison of 64 bytes, and one that finds a flip to a known buffer hardly
    more.
    """

    def __init__(self, device: Device, kind: PlaneKind, backing: Backing) -> None:
        self._ioctl = device.ioctl
        self._kind = kind
        self._backing = backing
        self._request = _query_struct(kind, _FLAG[backing])
        self._buffer = bytearray(self._request)
        self._answer = b""
        self._plane: Plane | None = None
        self._known: dict[bytes, Plane | None] = {}

    def execute(self) -> Plane | None:
        """The plane, None if it is off. Raises the driver's OSError."""
        buffer = self._buffer
        buffer[:] = self._request
        self._ioctl(vfio.VFIO_DEVICE_QUERY_GFX_PLANE, buffer)
        if buffer == self._answer:
            return self._plane
        answer = self._answer = bytes(buffer)
        try:
            self._plane = self._known[answer]
        except KeyError:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._plane = self._known[answer] = _plane_of(answer, self._kind, self._backing)
        return self._plane


def _plane_of(answer: bytes, kind: PlaneKind, backing: Backing) -> Plane | None:
    (
        _argsz,
        _flags,
        _plane_type,
        fourcc,
        modifier,
        width,
        height,
        stride,
        size,
        x,
        y,
        hot_x,
        hot_y,
        handle,
        _reserved,
    ) = vfio.GFX_PLANE_INFO.unpack(answer)
    if not fourcc or not size:
        return None
    # Primary planes have no hot spot. GVT-g leaves garbage in the fields of both planes: of a cursor before its guest
    # told the hot spot (intel_vgpu_decode_cursor_plane() in gvt/fb_decoder.c copies two registers of the guest). So a
    # hot spot that is not in the image is unknown, as is 0xFFFFFFFF.
    has_hot_spot = kind is PlaneKind.CURSOR and hot_x < width and hot_y < height
    return Plane(
        kind=kind,
        backing=backing,
        fourcc=fourcc,
        modifier=modifier,
        width=width,
        height=height,
        stride=stride,
        size=size,
        x=_signed(x),
        y=_signed(y),
        hot_x=hot_x if has_hot_spot else None,
        hot_y=hot_y if has_hot_spot else None,
        handle=handle,
    )


def _signed(value: int) -> int:
    return value - (1 << 32) if value & 1 << 31 else value


def get_gfx_dmabuf(device: Device, dmabuf_id: int) -> int:
    """Fetch the dma-buf of an id. The caller closes the fd. Raises the driver's OSError, and those of :func:`new_fd`.

    mbochs exports without O_CLOEXEC, so this sets the flag. If the driver may be mbochs, call this only once for each
    id: a second fetch corrupts kernel memory.
    """
    fd = new_fd(device.ioctl(vfio.VFIO_DEVICE_GET_GFX_DMABUF, bytearray(dmabuf_id.to_bytes(4, "little"))))
    os.set_inheritable(fd, False)
    return fd
