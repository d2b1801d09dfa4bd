"""kcmp(2), which neither Python nor the C library has. It tells whether fds of two processes are one open file."""

import ctypes
import errno
import os

# From arch/*/entry/syscalls; newer architectures use the number of include/uapi/asm-generic/unistd.h.
_NUMBERS = {"x86_64": 312, "i386": 349, "i686": 349, "armv7l": 378, "ppc64le": 354, "ppc64": 354, "s390x": 343}
_GENERIC = {"aarch64", "riscv64", "loongarch64"}
# include/uapi/linux/kcmp.h
KCMP_FILE = 0

_libc = ctypes.CDLL(None, use_errno=True)


def is_same_file(pid: int, fd: int, other_pid: int, other_fd: int) -> bool:
    """Whether both fds are one open file. Duplicates of a fd are.

    Raises OSError: ENOSYS without CONFIG_KCMP, EPERM without permission to look into both processes, EBADF, ESRCH.
    """
    machine = os.uname().machine
    number = 272 if machine in _GENERIC else _NUMBERS.get(machine)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result = int(
        _libc.syscall(
            ctypes.c_long(number),
            ctypes.c_int(pid),
            ctypes.c_int(other_pid),
            ctypes.c_int(KCMP_FILE),
            ctypes.c_ulong(fd),
            ctypes.c_ulong(other_fd),
        )
    )
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result == 0
