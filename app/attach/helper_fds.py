"""What a helper with more rights hands over: duplicates of another process's VFIO fds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class HelperWay(Enum):
    """Which way of asking for rights the user allows."""

    AUTO = "auto"
    PKEXEC = "pkexec"
    SUDO = "sudo"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class HandedFd:
    """``number`` is the fd in the process it came from, ``fd`` the duplicate, which belongs to who asked.

    ``link`` is what ``/proc/PID/fd/number`` led to ("anon_inode:[vfio-device]", "/dev/vfio/devices/vfio0").
    ``groups`` are the VFIO groups its process has open, which the asker may not be allowed to list.
    """

    number: int
    fd: int
    link: str
    groups: tuple[int, ...] = ()


Handover = Callable[[int, int | None], list[HandedFd]]
"""Given a pid and a fd there, or None for every VFIO device fd of the process. Raises MdevviewError."""
