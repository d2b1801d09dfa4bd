"""The guests of this host with PV displays and keyboards, as xenstore has them.

A guest may write the nodes below its ``device``: their numbers are bounded, their texts are cleaned.
"""

import errno
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from app.formats.reading import MAX_EDGE
from app.text.clean import clean
from app.xen.abi.displif import XENDISPL_DRIVER_NAME, XENDISPL_FIELD_BE_ALLOC, XENDISPL_FIELD_RESOLUTION
from app.xen.abi.displif import XENDISPL_FIELD_UNIQUE_ID as _UNIQUE_ID
from app.xen.abi.kbdif import XENKBD_DRIVER_NAME
from app.xen.access.seam import Store
from app.xen.backend.guest_error import GuestError
from app.xen.backend.node_number import node_number, node_size

MOST_DEVICES = 16
"""Displays of a guest, connectors of a display, and keyboards of a guest: more are not looked at."""

_UUID = re.compile(r"/vm/([0-9a-fA-F-]{36})", re.ASCII)
_T = TypeVar("_T")
_KINDS = ("pv", "pvh", "hvm")


@dataclass(frozen=True, slots=True)
class XenConnector:
    """One screen of a display; ``width`` and ``height`` in pixels, both 0 if the guest's node makes no sense."""

    number: int
    width: int
    height: int
    unique_id: str


@dataclass(frozen=True, slots=True)
class XenDisplay:
    """A ``vdispl`` device. The states are XenbusState*, 0 where there is no such node.

    ``be_alloc``: the buffers are to be allocated by the backend. ``backend_domid`` is the domain that is to serve it.
    """

    device: int
    be_alloc: bool
    backend_domid: int
    frontend_state: int
    backend_state: int
    connectors: tuple[XenConnector, ...]


@dataclass(frozen=True, slots=True)
class XenGuest:
    """A domain with a display or a keyboard.

    ``name`` is cleaned, ``uuid`` empty if unknown. ``keyboards`` are the devices' numbers. ``kind`` is "pv", "pvh" or
    "hvm", empty if the toolstack does not tell (xl writes it to /libxl/DOMID/type).
    """

    domid: int
    name: str
    uuid: str
    displays: tuple[XenDisplay, ...]
    keyboards: tuple[int, ...]
    kind: str = ""


def domains(store: Store) -> tuple[XenGuest, ...]:
    """All domains, in the order of their domids. Raises OSError if xenstore cannot be read.

    One that ends meanwhile is left out.
    """
    found = (find_guest(store, domid) for domid in _numbers(store, "/local/domain", most=None))
    return tuple(each for each in found if each is not None)


def find_guest(store: Store, domid: int) -> XenGuest | None:
    """This domain, also without a display; None if it does not run. Raises OSError if xenstore cannot be read."""
    home = f"/local/domain/{domid}"
    name = _text(store, f"{home}/name")
    if name is None:
        return None
    found = _UUID.fullmatch(_text(store, f"{home}/vm") or "")
    displays = _numbers(store, f"{home}/device/{XENDISPL_DRIVER_NAME}")
    return XenGuest(
        domid,
        clean(name),
        "" if found is None else found[1].lower(),
        tuple(_display(store, domid, each) for each in displays),
        _numbers(store, f"{home}/device/{XENKBD_DRIVER_NAME}"),
        guest_kind(store, domid),
    )


def own_domid(store: Store) -> int:
    """The domain of this program: a relative path is below its home. 0 if xenstore does not tell."""
    return _number(store, "domid", 0xFFFF)


def guest_kind(store: Store, domid: int) -> str:
    """How the domain is virtualized: "pv", "pvh", "hvm"; empty if nothing tells.

    xl writes /libxl/DOMID/type (libxl_create.c); other toolstacks write hvmloader's nodes for HVM guests alone.
    """
    kind = _text(store, f"/libxl/{domid}/type") or ""
    if kind in _KINDS:
        return kind
    with suppress(OSError):
        store.children(f"/local/domain/{domid}/hvmloader")
        return "hvm"
    return ""


def why_no_own_memory(store: Store, frontend: str, domid: int) -> str:
    """Why a guest may not have memory of this host (be-alloc=1), in words; empty if it may.

    A guest that keeps such pages mapped can read and write what the kernel uses them for later, so only the toolstack
    can allow it. It makes the node (libxl_vdispl.c). A guest may remove the node and make another, but then owns it.
    """
    path = f"{frontend}/{XENDISPL_FIELD_BE_ALLOC}"
    if _text(store, path) != "1":
        return "the display has be-alloc=0 in its xl configuration, and its driver asks for memory of this host"
    try:
        owner = store.owner(path)
    except OSError:
        owner = domid
    return "the guest itself wrote be-alloc=1, which only its xl configuration may" if owner == domid else ""


def why_not_served(guest_kind_: str, *, be_alloc: bool) -> str:
    """Why a display cannot be served, in words; empty if it can.

    Xen gives a PV guest no way to map pages of a dma-buf into its programs: they get SIGBUS (Linux 6.12, seen).
    """
    if be_alloc and guest_kind_ == "pv":
        return (
            "the guest is a PV guest and its display has be-alloc=1, which only PVH and HVM guests can use: "
            "set be-alloc=0 in vdispl= of its xl configuration"
        )
    return ""


def _display(store: Store, domid: int, device: int) -> XenDisplay:
    front = f"/local/domain/{domid}/device/{XENDISPL_DRIVER_NAME}/{device}"
    backend_domid = _number(store, f"{front}/backend-id", 0xFFFF)
    backend = f"/local/domain/{backend_domid}/backend/{XENDISPL_DRIVER_NAME}/{domid}/{device}"
    return XenDisplay(
        device,
        _text(store, f"{front}/{XENDISPL_FIELD_BE_ALLOC}") == "1",
        backend_domid,
        _number(store, f"{front}/state", 8),
        _number(store, f"{backend}/state", 8),
        connectors_of(store, front),
    )


def connectors_of(store: Store, front: str) -> tuple[XenConnector, ...]:
    """The connectors below a front end's path."""
    return tuple(_connector(store, f"{front}/{each}", each) for each in _numbers(store, front))


def _connector(store: Store, path: str, number: int) -> XenConnector:
    try:
        width, height = node_size(_text(store, f"{path}/{XENDISPL_FIELD_RESOLUTION}") or "", MAX_EDGE)
    except GuestError:
        width = height = 0
    return XenConnector(number, width, height, clean(_text(store, f"{path}/{_UNIQUE_ID}") or ""))


def _text(store: Store, path: str) -> str | None:
    """The text of a node, None if it does not exist or is not for us."""
    return _if_there(lambda: store.read(path))


def _number(store: Store, path: str, most: int) -> int:
    """The number of a node, 0 if it is none."""
    try:
        return node_number(_text(store, path) or "", 0, most)
    except GuestError:
        return 0


def _numbers(store: Store, path: str, most: int | None = MOST_DEVICES) -> tuple[int, ...]:
    """The numbers that the children of a node have as names, in order, the lowest ``most`` of them.

    With ``most`` the node may be a guest's: none if it has more children than xenstore lists.
    """
    numbers = set()
    try:
        children = _if_there(lambda: store.children(path)) or ()
    except OSError as error:
        if most is None or error.errno not in (errno.E2BIG, errno.ENOSYS):
            raise
        return ()
    for each in children:
        with suppress(GuestError):
            numbers.add(node_number(each, 0, 0xFFFF))
    return tuple(sorted(numbers)[:most])


def _if_there(ask: Callable[[], _T]) -> _T | None:
    try:
        return ask()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES):
            return None
        raise
