"""timerfd_create(2) and timerfd_settime(2), which Python has from 3.13 on."""

import ctypes
import os
import time

# include/uapi/linux/timerfd.h
TFD_TIMER_ABSTIME = 1
TFD_CLOEXEC = os.O_CLOEXEC
TFD_NONBLOCK = os.O_NONBLOCK

_SECOND = 1_000_000_000

_libc = ctypes.CDLL(None, use_errno=True)


class timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", timespec), ("it_value", timespec))


def timerfd_create() -> int:
    """A timer of CLOCK_MONOTONIC: the fd becomes readable when it is due. Raises OSError."""
    fd = int(_libc.timerfd_create(time.CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK))
    if fd < 0:
        raise _error()
    return fd


def timerfd_settime(fd: int, due_ns: int | None) -> None:
    """Let the timer be due once, at that time of ``time.monotonic_ns()``; None for never. Raises OSError.

    The fd is not readable until then, whatever it was before.
    """
    # Zero would mean never.
    seconds, nanoseconds = (0, 0) if due_ns is None else divmod(max(1, due_ns), _SECOND)
    value = itimerspec(timespec(0, 0), timespec(seconds, nanoseconds))
    if _libc.timerfd_settime(fd, TFD_TIMER_ABSTIME, ctypes.byref(value), None) != 0:
        raise _error()


def _error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
