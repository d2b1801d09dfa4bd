"""What a failed query of a plane means."""

import errno

from app.errors import error_text
from app.planes.status import Reason, Status

_REASONS = {
    errno.EINVAL: Reason.QUERY_REJECTED,
    errno.EFAULT: Reason.FRAMEBUFFER_UNMAPPED,
    errno.ENOMEM: Reason.OUT_OF_MEMORY,
    errno.ENODEV: Reason.NOT_INITIALIZED,
}


def query_status(error: OSError) -> Status:
    """The status of the plane whose query, or of the device whose probe, failed. Unknown errors are *device-fault*."""
    return Status(_REASONS.get(error.errno or 0, Reason.DEVICE_FAULT), error_text(error), error.errno)
