"""``include/xen/interface/io/displif.h`` with its names, version 2: PV displays (``vdispl``).

Linux has version 2 of the header since 5.9. Its front end sends ``data_ofs``, but never asks for an EDID (6.12).
All structs are little-endian in the shared pages of x86 and ARM.
"""

import ctypes

from app.xen.abi.page import XEN_PAGE_SIZE
from app.xen.abi.ring import ring_size

XENDISPL_DRIVER_NAME = "vdispl"

XENDISPL_OP_DBUF_CREATE = 0x10
XENDISPL_OP_DBUF_DESTROY = 0x11
XENDISPL_OP_FB_ATTACH = 0x12
XENDISPL_OP_FB_DETACH = 0x13
XENDISPL_OP_SET_CONFIG = 0x14
XENDISPL_OP_PG_FLIP = 0x15
XENDISPL_OP_GET_EDID = 0x16

XENDISPL_EVT_PG_FLIP = 0x00

XENDISPL_DBUF_FLG_REQ_ALLOC = 1 << 0

XENDISPL_EDID_BLOCK_SIZE = 128
XENDISPL_EDID_BLOCK_MAX = 256
XENDISPL_EDID_MAX_SIZE = XENDISPL_EDID_BLOCK_SIZE * XENDISPL_EDID_BLOCK_MAX

XENDISPL_LIST_SEPARATOR = ","
XENDISPL_RESOLUTION_SEPARATOR = "x"
XENDISPL_FIELD_BE_VERSIONS = "versions"
XENDISPL_FIELD_FE_VERSION = "version"
XENDISPL_FIELD_REQ_RING_REF = "req-ring-ref"
XENDISPL_FIELD_REQ_CHANNEL = "req-event-channel"
XENDISPL_FIELD_EVT_RING_REF = "evt-ring-ref"
XENDISPL_FIELD_EVT_CHANNEL = "evt-event-channel"
XENDISPL_FIELD_RESOLUTION = "resolution"
XENDISPL_FIELD_BE_ALLOC = "be-alloc"
XENDISPL_FIELD_UNIQUE_ID = "unique-id"


class xendispl_dbuf_create_req(ctypes.Structure):
    """``buffer_sz`` and ``data_ofs`` in bytes."""

    _fields_ = (
        ("dbuf_cookie", ctypes.c_uint64),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("bpp", ctypes.c_uint32),
        ("buffer_sz", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("gref_directory", ctypes.c_uint32),
        ("data_ofs", ctypes.c_uint32),
    )


class xendispl_dbuf_destroy_req(ctypes.Structure):
    _fields_ = (("dbuf_cookie", ctypes.c_uint64),)


class xendispl_fb_attach_req(ctypes.Structure):
    _fields_ = (
        ("dbuf_cookie", ctypes.c_uint64),
        ("fb_cookie", ctypes.c_uint64),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
    )


class xendispl_fb_detach_req(ctypes.Structure):
    _fields_ = (("fb_cookie", ctypes.c_uint64),)


class xendispl_set_config_req(ctypes.Structure):
    """All 0: the display is off."""

    _fields_ = (
        ("fb_cookie", ctypes.c_uint64),
        ("x", ctypes.c_uint32),
        ("y", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("bpp", ctypes.c_uint32),
    )


class xendispl_page_flip_req(ctypes.Structure):
    _fields_ = (("fb_cookie", ctypes.c_uint64),)


class xendispl_get_edid_req(ctypes.Structure):
    _fields_ = (("buffer_sz", ctypes.c_uint32), ("gref_directory", ctypes.c_uint32))


class _req_op(ctypes.Union):
    _fields_ = (
        ("dbuf_create", xendispl_dbuf_create_req),
        ("dbuf_destroy", xendispl_dbuf_destroy_req),
        ("fb_attach", xendispl_fb_attach_req),
        ("fb_detach", xendispl_fb_detach_req),
        ("set_config", xendispl_set_config_req),
        ("pg_flip", xendispl_page_flip_req),
        ("get_edid", xendispl_get_edid_req),
        ("reserved", ctypes.c_uint8 * 56),
    )


class xendispl_req(ctypes.Structure):
    _fields_ = (
        ("id", ctypes.c_uint16),
        ("operation", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 5),
        ("op", _req_op),
    )


class xendispl_get_edid_resp(ctypes.Structure):
    _fields_ = (("edid_sz", ctypes.c_uint32),)


class _resp_op(ctypes.Union):
    _fields_ = (("get_edid", xendispl_get_edid_resp), ("reserved1", ctypes.c_uint8 * 56))


class xendispl_resp(ctypes.Structure):
    """``status`` is 0 or a negative errno."""

    _fields_ = (
        ("id", ctypes.c_uint16),
        ("operation", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8),
        ("status", ctypes.c_int32),
        ("op", _resp_op),
    )


class xendispl_pg_flip_evt(ctypes.Structure):
    _fields_ = (("fb_cookie", ctypes.c_uint64),)


class _evt_op(ctypes.Union):
    _fields_ = (("pg_flip", xendispl_pg_flip_evt), ("reserved", ctypes.c_uint8 * 56))


class xendispl_evt(ctypes.Structure):
    """``id`` counts up by one from 0, modulo 2**16: the front end skips other events
    (``drivers/gpu/drm/xen/xen_drm_front_evtchnl.c``)."""

    _fields_ = (
        ("id", ctypes.c_uint16),
        ("type", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 5),
        ("op", _evt_op),
    )


class xendispl_event_page(ctypes.Structure):
    """The head of the event page: this end writes ``in_prod``, the front end ``in_cons``. Both wrap at 2**32."""

    _fields_ = (("in_cons", ctypes.c_uint32), ("in_prod", ctypes.c_uint32), ("reserved", ctypes.c_uint8 * 56))


XEN_DISPLIF_RING_SIZE = ring_size(ctypes.sizeof(xendispl_req))
"""Slots of the request ring."""

XENDISPL_IN_RING_OFFS = ctypes.sizeof(xendispl_event_page)
XENDISPL_IN_RING_LEN = (XEN_PAGE_SIZE - XENDISPL_IN_RING_OFFS) // ctypes.sizeof(xendispl_evt)
"""Slots of the event page; event N lies in slot N % this."""

XENDISPL_DIRECTORY_REFS = XEN_PAGE_SIZE // 4 - 1
"""References in one page of a directory, after ``gref_dir_next_page`` (``struct xendispl_page_directory``)."""
