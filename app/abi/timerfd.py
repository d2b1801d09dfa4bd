"""Timers that are files (timerfd_create(2)). Python has them from 3.13 on."""

import ctypes
import os
import time

# include/uapi/linux/timerfd.h: the values of O_CLOEXEC and O_NONBLOCK.
TFD_CLOEXEC = os.O_CLOEXEC
TFD_NONBLOCK = os.O_NONBLOCK

_SECOND = 1_000_000_000


class _Itimerspec(ctypes.Structure):
    """struct itimerspec: interval, then the first expiration, each as seconds and nanoseconds."""

    _fields_ = [(name, ctypes.c_long) for name in ("interval_s", "interval_ns", "value_s", "value_ns")]


_libc = ctypes.CDLL(None, use_errno=True)
_create = _libc.timerfd_create
_create.argtypes = [ctypes.c_int, ctypes.c_int]
_settime = _libc.timerfd_settime
_settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Itimerspec), ctypes.c_void_p]


def timerfd_create() -> int:
    """A timer on CLOCK_MONOTONIC, which the caller closes. Raises OSError (EMFILE: no fd left)."""
    fd: int = _create(time.CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
    return _checked(fd)


def timerfd_settime(fd: int, ns: int) -> None:
    """Make the fd readable once, in ``ns`` nanoseconds; 0 stops the timer. Raises OSError."""
    _checked(_settime(fd, 0, ctypes.byref(_Itimerspec(0, 0, ns // _SECOND, ns % _SECOND)), None))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
