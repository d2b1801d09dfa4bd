"""statx(2), which Python's os has only since version 3.15: the kind of a file, without waiting for a file server."""

import ctypes
import os
import stat
import struct

# include/uapi/linux/stat.h and fcntl.h
_AT_STATX_DONT_SYNC = 0x4000
_STATX_TYPE = 0x1
_SIZE = 256
_MODE, _RDEV = 28, 128


def character_device(name: str, folder: int) -> int | None:
    """The device number of a file if it is a character device, None if it is another file. Follows links.

    stat(2) of a file waits for ever if a FUSE server does not answer. With AT_STATX_DONT_SYNC the kernel answers from
    its own data (fuse_update_get_attr() in fs/fuse/dir.c): checked with such a server on Linux 6.18. Raises OSError.
    """
    answer = ctypes.create_string_buffer(_SIZE)
    # Looked up here, because an old C library has no such function.
    call = ctypes.CDLL(None, use_errno=True).statx
    if call(folder, os.fsencode(name), _AT_STATX_DONT_SYNC, _STATX_TYPE, answer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    (mode,) = struct.unpack_from("=H", answer, _MODE)
    major, minor = struct.unpack_from("=II", answer, _RDEV)
    return os.makedev(major, minor) if stat.S_ISCHR(mode) else None
