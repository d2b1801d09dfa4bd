"""``include/xen/interface/io/kbdif.h`` with its names: keyboard and pointer of a guest (``vkbd``).

The page: head at 0, events for the guest from 1024, 40 bytes each, event N in slot N % 51. Linux takes all events up to
``in_prod``, then writes ``in_cons`` (``drivers/input/misc/xen-kbdfront.c``).
"""

import ctypes

XENKBD_DRIVER_NAME = "vkbd"

XENKBD_TYPE_MOTION = 1
XENKBD_TYPE_KEY = 3
XENKBD_TYPE_POS = 4
XENKBD_TYPE_MTOUCH = 5

XENKBD_MT_EV_DOWN = 0
XENKBD_MT_EV_UP = 1
XENKBD_MT_EV_MOTION = 2
XENKBD_MT_EV_SYN = 3

XENKBD_FIELD_FEAT_DSBL_KEYBRD = "feature-disable-keyboard"
XENKBD_FIELD_FEAT_DSBL_POINTER = "feature-disable-pointer"
XENKBD_FIELD_FEAT_ABS_POINTER = "feature-abs-pointer"
XENKBD_FIELD_FEAT_RAW_POINTER = "feature-raw-pointer"
XENKBD_FIELD_FEAT_MTOUCH = "feature-multi-touch"
XENKBD_FIELD_REQ_ABS_POINTER = "request-abs-pointer"
XENKBD_FIELD_REQ_RAW_POINTER = "request-raw-pointer"
XENKBD_FIELD_REQ_MTOUCH = "request-multi-touch"
XENKBD_FIELD_RING_GREF = "page-gref"
XENKBD_FIELD_EVT_CHANNEL = "event-channel"
XENKBD_FIELD_WIDTH = "width"
XENKBD_FIELD_HEIGHT = "height"
XENKBD_FIELD_MT_WIDTH = "multi-touch-width"
XENKBD_FIELD_MT_HEIGHT = "multi-touch-height"
XENKBD_FIELD_MT_NUM_CONTACTS = "multi-touch-num-contacts"
XENKBD_FIELD_UNIQUE_ID = "unique-id"

XENKBD_IN_EVENT_SIZE = 40
XENKBD_IN_RING_SIZE = 2048
XENKBD_IN_RING_LEN = XENKBD_IN_RING_SIZE // XENKBD_IN_EVENT_SIZE
XENKBD_IN_RING_OFFS = 1024
XENKBD_OUT_RING_OFFS = XENKBD_IN_RING_OFFS + XENKBD_IN_RING_SIZE

XENFB_WIDTH = 800
XENFB_HEIGHT = 600
"""The pointer's range where the backend's nodes have no ``width`` and ``height`` (``fbif.h``)."""


class xenkbd_motion(ctypes.Structure):
    """``rel_z``: the wheel; positive is down: Linux reports -rel_z as REL_WHEEL."""

    _fields_ = (
        ("type", ctypes.c_uint8),
        ("rel_x", ctypes.c_int32),
        ("rel_y", ctypes.c_int32),
        ("rel_z", ctypes.c_int32),
    )


class xenkbd_key(ctypes.Structure):
    """``keycode``: KEY_* or BTN_* of linux/input-event-codes.h."""

    _fields_ = (("type", ctypes.c_uint8), ("pressed", ctypes.c_uint8), ("keycode", ctypes.c_uint32))


class xenkbd_position(ctypes.Structure):
    """``rel_z`` as in xenkbd_motion."""

    _fields_ = (
        ("type", ctypes.c_uint8),
        ("abs_x", ctypes.c_int32),
        ("abs_y", ctypes.c_int32),
        ("rel_z", ctypes.c_int32),
    )


class _mtouch_pos(ctypes.Structure):
    _fields_ = (("abs_x", ctypes.c_int32), ("abs_y", ctypes.c_int32))


class _mtouch_shape(ctypes.Structure):
    _fields_ = (("major", ctypes.c_uint32), ("minor", ctypes.c_uint32))


class _mtouch_u(ctypes.Union):
    _fields_ = (("pos", _mtouch_pos), ("shape", _mtouch_shape), ("orientation", ctypes.c_int16))


class xenkbd_mtouch(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint8),
        ("event_type", ctypes.c_uint8),
        ("contact_id", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 5),
        ("u", _mtouch_u),
    )


class xenkbd_in_event(ctypes.Union):
    _fields_ = (
        ("type", ctypes.c_uint8),
        ("motion", xenkbd_motion),
        ("key", xenkbd_key),
        ("pos", xenkbd_position),
        ("mtouch", xenkbd_mtouch),
        ("pad", ctypes.c_char * XENKBD_IN_EVENT_SIZE),
    )


class xenkbd_page(ctypes.Structure):
    """The head of the page: this end writes ``in_prod``, the front end ``in_cons``. Indices wrap at 2**32."""

    _fields_ = (
        ("in_cons", ctypes.c_uint32),
        ("in_prod", ctypes.c_uint32),
        ("out_cons", ctypes.c_uint32),
        ("out_prod", ctypes.c_uint32),
    )
