"""prctl(2), which Python does not have."""

import ctypes
import os

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def set_parent_death_signal(number: int) -> None:
    """Get this signal when the thread that started this process ends. Raises OSError.

    A parent that has ended before is not noticed; compare ``os.getppid()`` afterwards.
    """
    if _libc.prctl(*(ctypes.c_ulong(each) for each in (PR_SET_PDEATHSIG, number, 0, 0, 0))) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
