"""What can go wrong for the user, as one small tree.

The kernel's errors stay OSError. They become one of these only where it is known what they mean, chained with
``from``; the command line turns each into one line on standard error and an exit status::

    MdevviewError              1  failed
    ├── UsageError             2  the command line, or a target, cannot be understood
    │   └── AmbiguousTarget    2  it fits several vGPUs
    ├── NoSuchDevice           3  no vGPU of that name
    │   ├── DeviceGone         3  it was there and is no more
    │   └── ProcessGone        3  no such process, or none any more
    ├── PermissionDenied       4  the kernel refused a file
    ├── NoPicture              5  nothing to show within the time given
    ├── OpenFailed             1  the device did not open, for a reason with no class of its own
    ├── DeviceBusy             1  another process has it open
    ├── NeedsRunningVm         1  the driver opens it only inside its VM's process
    └── ResolutionRefused      1  the device cannot have that mode, or lets nobody choose one
"""

import errno


class MdevviewError(Exception):
    """``message`` says what failed and why ("what: why"), ``remedy`` what to do; together they are one line."""

    exit_status = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class UsageError(MdevviewError):
    exit_status = 2


class AmbiguousTarget(UsageError):
    """``candidates`` are the names of the vGPUs to choose from."""

    def __init__(self, message: str, remedy: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message, remedy)
        self.candidates = candidates


class NoSuchDevice(MdevviewError):
    exit_status = 3


class DeviceGone(NoSuchDevice):
    pass


class ProcessGone(NoSuchDevice):
    pass


class PermissionDenied(MdevviewError):
    exit_status = 4


class NoPicture(MdevviewError):
    exit_status = 5


class OpenFailed(MdevviewError):
    pass


class DeviceBusy(MdevviewError):
    pass


class NeedsRunningVm(MdevviewError):
    pass


class ResolutionRefused(MdevviewError):
    pass


def error_text(error: OSError) -> str:
    """``EINVAL: Invalid argument``: the name to search for, and what it says."""
    name = errno.errorcode.get(error.errno or 0, "error")
    return f"{name}: {error.strerror or error}"
