"""What the helper hands over: duplicates of the VFIO fds of another user's process."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class HelperMethod(Enum):
    """How the user allows the helper to be started."""

    AUTO = "auto"
    PKEXEC = "pkexec"
    SUDO = "sudo"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ReceivedFd:
    """``number`` is the fd in the process it came from. ``fd`` is the duplicate, which belongs to the receiver.

    ``link`` is what ``/proc/PID/fd/number`` led to ("anon_inode:[vfio-device]", "/dev/vfio/devices/vfio0").
    ``groups`` are the VFIO groups that its process has open, which the receiver may not be allowed to list.
    """

    number: int
    fd: int
    link: str
    groups: tuple[int, ...] = ()


FdRequest = Callable[[int, int | None], list[ReceivedFd]]
"""Given a pid and a fd there, or None for every VFIO device fd of the process. Raises MdevviewError."""
