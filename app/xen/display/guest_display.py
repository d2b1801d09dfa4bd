"""What a guest asks of one display device: buffers, framebuffers, modes and flips of all its connectors.

Whatever a request holds, it is answered at once, and costs a bounded amount: it maps or allocates at most what
:mod:`app.xen.display.guest_buffers` allows.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.abi import drm_fourcc as drm
from app.edid.make import make_edid
from app.edid.mode import Mode
from app.errors import error_text
from app.formats.fourcc import pixel_format
from app.planes.check import check_plane
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from app.xen.abi.displif import XENDISPL_EDID_MAX_SIZE, xendispl_req, xendispl_resp
from app.xen.abi.page import XEN_PAGE_SIZE
from app.xen.access.seam import Grants
from app.xen.backend.directory import read_directory
from app.xen.backend.guest_error import GuestError
from app.xen.display.connector import Connector
from app.xen.display.guest_buffers import GuestBuffer, GuestBuffers
from app.xen.display.requests import (
    AttachFb,
    CreateBuffer,
    DestroyBuffer,
    DetachFb,
    Flip,
    GetEdid,
    SetConfig,
    parse_request,
    request_name,
    response_to,
)

MOST_FBS = 256
"""So many framebuffers of a device exist at once."""

_OFF = Status(Reason.PLANE_OFF)
_DESTROYED = Status(Reason.PLANE_OFF, "the guest has freed the picture's memory")
_CLOSED = Status(Reason.PLANE_OFF, "the guest's display driver has closed the display")

_OWN_WANTED = "the guest wants the buffers of its display from this host (be-alloc=1), and"
_TRY_PAGES = "set be-alloc=0 in vdispl= of the guest's xl configuration"
_NO_GRANTING = (
    f"{_OWN_WANTED} this host's kernel cannot grant dma-bufs: it was built without CONFIG_XEN_GNTDEV_DMABUF; "
    f"{_TRY_PAGES}"
)


class _HostLacks(OSError):
    """A request of the guest makes sense, and this host cannot do it."""


def _why_no_buffer(error: OSError) -> str:
    """In words for a user. ``error``: of udmabuf, or of gntdev."""
    if error.errno == errno.ENOTTY:
        return _NO_GRANTING
    if error.errno == errno.ENOENT and error.filename is not None:
        return f"{_OWN_WANTED} there is no {error.filename}: run a kernel with CONFIG_UDMABUF, or {_TRY_PAGES}"
    named = f" ({error.filename})" if error.filename is not None else ""
    return f"{_OWN_WANTED} it has none: {error_text(error)}{named}; {_TRY_PAGES}"


@dataclass(frozen=True, slots=True)
class _Fb:
    """A framebuffer: a buffer and how its pixels lie in it."""

    memory: GuestBuffer
    plane: Plane


class GuestDisplay:
    """The state of one device. Used by the backend's thread."""

    def __init__(
        self,
        grants: Grants,
        domid: int,
        connectors: Sequence[Connector],
        new_dmabuf: Callable[[int], int],
        why_no_own: str = "",
    ) -> None:
        """``why_no_own``: why this guest cannot have buffers of ours; empty if it can."""
        self._grants = grants
        self._domid = domid
        self._connectors = tuple(connectors)
        self._buffers = GuestBuffers(grants, domid, new_dmabuf)
        self._why_no_own = why_no_own
        self._fbs: dict[int, _Fb] = {}
        self._configs: dict[Connector, SetConfig] = {}

    def answer(self, slot: xendispl_req, connector: Connector) -> xendispl_resp:
        """Do what a request on the ring of ``connector`` asks for. ``slot`` is a copy."""
        name = request_name(slot.operation)
        connector.note_request(name)
        try:
            return response_to(slot, edid_size=self._do(slot, connector))
        except _HostLacks as error:
            # The picture's status says what.
            return response_to(slot, error.errno or errno.EIO)
        except GuestError as error:
            connector.note_problem(f"{name}: {error}")
            return response_to(slot, errno.EINVAL)
        except OSError as error:
            connector.note_problem(f"{name}: {error_text(error)}")
            return response_to(slot, error.errno or errno.EIO)

    @property
    def lends(self) -> bool:
        """Whether the guest has memory of ours, which it may have mapped."""
        return self._buffers.lends

    def release(self) -> None:
        """The connection of the guest's driver ended: release everything that it made. More calls do nothing."""
        for each in self._connectors:
            each.disconnected()
            if each in self._configs:
                each.show_nothing(_CLOSED)
        self._configs.clear()
        self._fbs.clear()
        for memory in self._buffers.release():
            self._forget(memory, _CLOSED)

    def _do(self, slot: xendispl_req, connector: Connector) -> int:
        """The size of an EDID, else 0. Raises OSError and GuestError."""
        match parse_request(slot):
            case CreateBuffer() as request:
                self._create(request)
            case DestroyBuffer(cookie):
                memory = self._buffers.destroy(cookie)
                self._fbs = {fb: each for fb, each in self._fbs.items() if each.memory is not memory}
                self._forget(memory, _DESTROYED)
            case AttachFb() as request:
                self._attach(request)
            case DetachFb(fb):
                self._fb(fb)
                del self._fbs[fb]
            case SetConfig() as request:
                self._configure(request, connector)
            case Flip(fb):
                self._flip(fb, connector)
            case GetEdid() as request:
                return self._edid(request, connector)
            case _:
                raise OSError(errno.EOPNOTSUPP, f"no operation {slot.operation:#x}")
        return 0

    def _create(self, request: CreateBuffer) -> None:
        if not request.backend_allocates:
            self._buffers.create(request)
            return
        if self._why_no_own:
            self._refuse(self._why_no_own)
            raise _HostLacks(errno.EOPNOTSUPP, "no buffers of this host for this guest")
        try:
            self._buffers.create(request)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EEXIST, errno.ENOMEM):
                raise
            self._refuse(_why_no_buffer(error))
            raise _HostLacks(error.errno, error.strerror) from error

    def _refuse(self, why: str) -> None:
        for each in self._connectors:
            each.explain(Status(Reason.NOT_OPENED, why))

    def _fb(self, fb: int) -> _Fb:
        try:
            return self._fbs[fb]
        except KeyError:
            raise OSError(errno.ENOENT, "the guest has no such framebuffer") from None

    def _attach(self, request: AttachFb) -> None:
        memory = self._buffers.get(request.buffer)
        if request.fb in self._fbs:
            raise OSError(errno.EEXIST, "the guest has this framebuffer already")
        if len(self._fbs) == MOST_FBS:
            raise OSError(errno.ENOMEM, f"the guest has {MOST_FBS} framebuffers already")
        pixels = pixel_format(request.fourcc)
        stride = memory.stride or (0 if pixels is None else pixels.row_bytes(request.width))
        plane = Plane(
            kind=PlaneKind.PRIMARY,
            backing=Backing.DMABUF if memory.is_own else Backing.MEMORY,
            fourcc=request.fourcc,
            modifier=drm.DRM_FORMAT_MOD_LINEAR,
            width=request.width,
            height=request.height,
            stride=stride,
            size=stride * request.height,
            x=0,
            y=0,
            hot_x=None,
            hot_y=None,
            offset=memory.offset,
        )
        fault = check_plane(plane, memory.size)
        if fault is not None:
            raise OSError(errno.EINVAL, fault.detail)
        self._fbs[request.fb] = _Fb(memory, plane)

    def _configure(self, request: SetConfig, connector: Connector) -> None:
        if request.is_off:
            self._configs.pop(connector, None)
            connector.show_nothing(_OFF)
            return
        fb = self._fb(request.fb)
        connector.show(fb.memory, _shown_part(fb.plane, request))
        self._configs[connector] = request

    def _flip(self, cookie: int, connector: Connector) -> None:
        fb, config = self._fb(cookie), self._configs.get(connector)
        if config is None:
            raise OSError(errno.EINVAL, "a flip of a connector that is off")
        connector.show(fb.memory, _shown_part(fb.plane, config), cookie)

    def _edid(self, request: GetEdid, connector: Connector) -> int:
        if not (connector.width and connector.height):
            raise OSError(errno.EOPNOTSUPP, "an EDID of a connector without a size")
        try:
            edid = make_edid(Mode(connector.width, connector.height))
        except ValueError as error:
            raise OSError(errno.EOPNOTSUPP, str(error)) from error
        if not len(edid) <= request.size <= XENDISPL_EDID_MAX_SIZE:
            raise OSError(errno.EINVAL, f"{request.size} bytes for an EDID of {len(edid)}")
        pages = -(-len(edid) // XEN_PAGE_SIZE)
        refs = read_directory(self._grants, self._domid, request.directory, pages)
        mapping = self._grants.map(self._domid, refs, writable=True)
        try:
            mapping.memory[: len(edid)] = edid
        finally:
            mapping.release()
        return len(edid)

    def _forget(self, memory: GuestBuffer, status: Status) -> None:
        for each in self._connectors:
            each.forget(memory, status)


def _shown_part(plane: Plane, config: SetConfig) -> Plane:
    """The part of a framebuffer that the mode shows, from its corner on. Raises OSError(EINVAL) if that is none."""
    if config.x >= plane.width or config.y >= plane.height or not (config.width and config.height):
        raise OSError(errno.EINVAL, f"{config.width}x{config.height} pixels from {config.x},{config.y} on")
    pixels = pixel_format(plane.fourcc)
    assert pixels is not None
    left = config.x - config.x % pixels.width_multiple
    return replace(
        plane,
        width=min(config.width, plane.width - left),
        height=min(config.height, plane.height - config.y),
        offset=plane.offset + config.y * plane.stride + pixels.row_bytes(left),
    )
