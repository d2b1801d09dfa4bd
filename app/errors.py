"""The errors that a user can see, as a tree of classes.

The kernel's errors stay OSError. Only code that knows what such an error means for the user raises one of these from
it. The command line prints each as one line on standard error and ends with its exit status::

    MdevviewError              1  failed
    ├── UsageError             2  the command line, or a target, cannot be understood
    │   └── AmbiguousTarget    2  it fits several screens
    ├── NoSuchDevice           3  no vGPU or VM of that name
    │   ├── DeviceGone         3  the device was removed
    │   └── ProcessGone        3  the process does not exist, or has ended
    ├── PermissionDenied       4  the kernel refused access to a file or a process
    ├── NoPicture              5  there was no picture within the time limit
    ├── OpenFailed             1  the device did not open, for a reason with no class of its own
    ├── DeviceBusy             1  another process has it open
    ├── NeedsRunningVm         1  the driver opens it only inside its VM's process
    └── ResolutionRefused      1  the device cannot have that mode, or nobody can set its mode
"""

import errno


class MdevviewError(Exception):
    """``message`` says what failed and why ("what: why"), ``remedy`` what to do; together they are one line.

    ``key`` is the key of its finding (:mod:`app.diagnosis.picture.picture_keys`); a published key keeps its meaning.
    """

    exit_status = 1
    key = "failed"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class UsageError(MdevviewError):
    exit_status = 2
    key = "usage"


class AmbiguousTarget(UsageError):
    """``candidates`` are the targets to choose from."""

    key = "ambiguous-target"

    def __init__(self, message: str, remedy: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message, remedy)
        self.candidates = candidates


class NoSuchDevice(MdevviewError):
    exit_status = 3
    key = "no-such-device"


class DeviceGone(NoSuchDevice):
    key = "device-gone"


class ProcessGone(NoSuchDevice):
    key = "process-gone"


class PermissionDenied(MdevviewError):
    exit_status = 4
    key = "permission-denied"


class NoPicture(MdevviewError):
    exit_status = 5
    key = "no-picture"


class OpenFailed(MdevviewError):
    key = "open-failed"


class DeviceBusy(MdevviewError):
    key = "device-busy"


class NeedsRunningVm(MdevviewError):
    key = "needs-running-vm"


class ResolutionRefused(MdevviewError):
    key = "resolution-refused"


# Codes that the kernel keeps to itself (include/linux/errno.h), and that drivers return to programs all the same:
# NVIDIA's answers ENOTSUPP to the mapping of its dma-bufs.
_KERNEL_CODES = {524: ("ENOTSUPP", "Operation is not supported")}


def error_text(error: OSError) -> str:
    """The name and the text of an errno: ``EINVAL: Invalid argument``."""
    if error.errno in _KERNEL_CODES:
        return ": ".join(_KERNEL_CODES[error.errno])
    name = errno.errorcode.get(error.errno or 0, "error")
    return f"{name}: {error.strerror or error}"
