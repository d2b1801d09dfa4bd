"""pidfd_open(2) is Python's own; pidfd_getfd(2) is called here, as neither Python nor older C libraries have it."""

import ctypes
import os

# The same on every architecture but alpha (include/uapi/asm-generic/unistd.h).
SYS_pidfd_getfd = 438

_libc = ctypes.CDLL(None, use_errno=True)


def pidfd_getfd(pidfd: int, target_fd: int) -> int:
    """A duplicate of the process's fd, closed on exec. Raises OSError: EPERM, EBADF (no such fd there), ESRCH."""
    result = int(
        _libc.syscall(ctypes.c_long(SYS_pidfd_getfd), ctypes.c_int(pidfd), ctypes.c_int(target_fd), ctypes.c_uint(0))
    )
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
