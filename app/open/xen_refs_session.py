"""Makes a session of pages that a domain granted to this one."""

import errno
import os
from dataclasses import replace

from app.abi import drm_fourcc
from app.errors import OpenFailed, UsageError, error_text
from app.formats.fourcc import fourcc_text, pixel_format
from app.host.foreign_path import read_file
from app.host.paths import HOST, Paths
from app.host.xen import xen_host
from app.open.no_resolution import NoResolution
from app.open.session import Session
from app.open.xen_documents import describe_refs
from app.open.xen_guests import find_domain
from app.open.xen_target import REFS_FORM, XenRefs
from app.planes.check import bytes_needed, check_plane
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason
from app.text.clean import clean_line
from app.vm.input_route import NoInput, TrackedRoute
from app.xen.abi.page import XEN_PAGE_SIZE
from app.xen.access.seam import XenHost
from app.xen.display.lookup import own_domid
from app.xen.references.references_source import ReferencesSource
from app.xen.references.refs_list import MOST_BYTES, is_list, parse_refs
from app.xen.references.refusal import why_not_exported

_FIXED_SIZE = NoResolution("the size of a picture in granted pages is the one that TARGET says")
_NO_INPUT = NoInput("granted pages take no input")
_FILE_ERRORS = {errno.EINVAL: "it is no regular file", errno.EFBIG: f"it has more than {MOST_BYTES >> 20} MiB"}


def read_refs(target: XenRefs) -> tuple[tuple[int, ...], Plane]:
    """The references that the picture covers, and the picture. Raises UsageError, and OpenFailed for the file."""
    text, place = (target.refs, "refs=") if is_list(target.refs) else (_file_text(target.refs), target.refs)
    try:
        refs = parse_refs(text)
    except ValueError as error:
        raise UsageError(f"{clean_line(place)}: {error}", REFS_FORM) from None
    plane = _plane(target)
    size = len(refs) * XEN_PAGE_SIZE
    wrong = check_plane(plane, size)
    if wrong is None:
        return refs[: -(-bytes_needed(plane) // XEN_PAGE_SIZE)], plane
    if wrong.reason is not Reason.BUFFER_TRUNCATED:
        raise UsageError(f"no such picture is possible: {wrong.detail}", REFS_FORM)
    needed = bytes_needed(plane)
    picture = f"{plane.width}x{plane.height} {fourcc_text(plane.fourcc)} with stride {plane.stride}"
    raise UsageError(
        f"the pages of refs= are {size} bytes, and {picture} from byte {plane.offset} on needs {needed} bytes",
        f"{-(-needed // XEN_PAGE_SIZE)} references are needed",
    )


def open_refs(target: XenRefs, refs: tuple[int, ...], plane: Plane, host: XenHost, paths: Paths = HOST) -> Session:
    """A session that takes ``host`` over. Raises MdevviewError: the host is still open then, and the caller's."""
    domid, name = find_domain(host.store, target.guest)
    if domid == own_domid(host.store):
        raise OpenFailed(
            f"domain {domid} is the one that this program runs in: its own pages cannot be mapped",
            "name the domain that granted the pages",
        )
    who = f"{name} (domain {domid})" if name else f"domain {domid}"
    try:
        source = ReferencesSource(host, domid, refs, plane, lambda error: why_not_exported(error, xen_host(paths)))
    except OSError as error:
        raise OpenFailed(
            f"the pages of {who} cannot be mapped: {error_text(error)}",
            "look whether the references are right, and granted to this domain",
        ) from error
    return Session(
        target=_target_text(target),
        label=f"{name or f'domain {domid}'}, granted pages",
        source=source,
        vgpu=None,
        vm=None,
        resolution=_FIXED_SIZE,
        input=TrackedRoute(_NO_INPUT),
        describe=lambda: describe_refs(target, domid, len(refs)),
        ended=source.ended,
        buffers=source.buffers,
        guest_name=name,
    )


def _file_text(name: str) -> str:
    # No other kind of file is opened: a FIFO would wait for its writer.
    try:
        return read_file(name, os.getpid(), MOST_BYTES).data.decode("utf-8", "replace")
    except OSError as error:
        why = _FILE_ERRORS.get(error.errno or 0) or error_text(error)
        raise OpenFailed(f"the references in {clean_line(name)} cannot be read: {why}") from error


def _plane(target: XenRefs) -> Plane:
    pixels = pixel_format(target.fourcc)
    if pixels is None:
        raise UsageError(f"mdevview does not know the format {fourcc_text(target.fourcc)}", REFS_FORM)
    plane = Plane(
        kind=PlaneKind.PRIMARY,
        backing=Backing.MEMORY,
        fourcc=target.fourcc,
        modifier=drm_fourcc.DRM_FORMAT_MOD_LINEAR,
        width=target.width,
        height=target.height,
        stride=target.stride or pixels.row_bytes(target.width),
        size=0,
        x=0,
        y=0,
        hot_x=None,
        hot_y=None,
        offset=target.offset,
    )
    return replace(plane, size=plane.stride * plane.height)


def _target_text(target: XenRefs) -> str:
    """The TARGET that opens it again."""
    stride = f",stride={target.stride}" if target.stride is not None else ""
    offset = f",offset={target.offset}" if target.offset else ""
    size = f"size={target.width}x{target.height}"
    form = f"format={fourcc_text(target.fourcc)}"
    return f"xen:{target.guest},refs={target.refs},{size},{form}{stride}{offset}"
