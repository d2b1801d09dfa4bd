"""The result of a request to the helper: duplicates of the VFIO fds of another user's process."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from app.errors import OpenFailed


class HelperMethod(Enum):
    """The program that may start the helper as root."""

    AUTO = "auto"
    PKEXEC = "pkexec"
    SUDO = "sudo"
    NEVER = "never"


class HelperTimeout(OpenFailed):
    """The helper gave no answer in time, for example because it was stopped."""


@dataclass(frozen=True, slots=True)
class ReceivedFd:
    """``number`` is the fd in the process it came from. ``fd`` is the duplicate, which belongs to the receiver.

    ``device`` is the sysfs name of the device that the helper has from the kernel; None if the kernel does not tell.
    ``groups`` are the VFIO groups that the process has open; this user may not be allowed to list them.
    """

    number: int
    fd: int
    groups: tuple[int, ...] = ()
    device: str | None = None


FdRequest = Callable[[int, int | None], list[ReceivedFd]]
"""Called with a pid and a fd of that process, or with None for all its VFIO device fds. Raises MdevviewError."""
