"""pidfd_getfd(2): neither Python nor older C libraries have it. Python has pidfd_open(2) itself."""

import ctypes
import os

# The same number on every architecture except alpha (include/uapi/asm-generic/unistd.h).
SYS_pidfd_getfd = 438

_libc = ctypes.CDLL(None, use_errno=True)


def pidfd_getfd(pidfd: int, target_fd: int) -> int:
    """A duplicate of a fd of another process, closed on exec.

    Raises OSError: EPERM, EBADF (the process has no such fd), ESRCH (the process ended).
    """
    result = int(
        _libc.syscall(ctypes.c_long(SYS_pidfd_getfd), ctypes.c_int(pidfd), ctypes.c_int(target_fd), ctypes.c_uint(0))
    )
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
