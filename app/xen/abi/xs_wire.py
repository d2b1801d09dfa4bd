"""``include/xen/interface/io/xs_wire.h`` with the kernel's names: the messages of xenstore.

XS_DIRECTORY_PART is in Xen's own header alone (``xen/include/public/io/xs_wire.h``).
"""

import ctypes

XS_DIRECTORY = 1
XS_READ = 2
XS_GET_PERMS = 3
XS_WATCH = 4
XS_UNWATCH = 5
XS_TRANSACTION_START = 6
XS_TRANSACTION_END = 7
XS_GET_DOMAIN_PATH = 10
XS_WRITE = 11
XS_MKDIR = 12
XS_RM = 13
XS_SET_PERMS = 14
XS_WATCH_EVENT = 15
XS_ERROR = 16
XS_DIRECTORY_PART = 22

XENSTORE_PAYLOAD_MAX = 4096
"""Bytes after the header, at most (``docs/misc/xenstore.txt``)."""

XENSTORE_ABS_PATH_MAX = 3072
XSD_ERRORS = (
    "EINVAL",
    "EACCES",
    "EEXIST",
    "EISDIR",
    "ENOENT",
    "ENOMEM",
    "ENOSPC",
    "EIO",
    "ENOTEMPTY",
    "ENOSYS",
    "EROFS",
    "EBUSY",
    "EAGAIN",
    "EISCONN",
    "E2BIG",
    "EPERM",
)
"""The texts of XS_ERROR, names of errno."""


class xsd_sockmsg(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("req_id", ctypes.c_uint32),
        ("tx_id", ctypes.c_uint32),
        ("len", ctypes.c_uint32),
    )
