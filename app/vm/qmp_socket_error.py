"""The message about a QMP socket that cannot be used."""

import errno
from pathlib import Path

from app.errors import error_text
from app.host import permissions
from app.qemu.qmp_address import QmpAddress, UnixAddress

NO_ANSWER = "the QMP socket does not answer: another client may be connected (QEMU serves one at a time)"


def connect_error_text(address: QmpAddress, error: OSError) -> str:
    """Why there is no connection to ``address``."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return f"there is no QMP socket {address}"
        case errno.EACCES | errno.EPERM:
            owner = f" ({permissions.owner_and_mode(Path(address.path))})" if isinstance(address, UnixAddress) else ""
            return f"you have no permission to use the QMP socket {address}{owner}"
        case errno.ECONNREFUSED:
            return f"nothing listens at the QMP socket {address}"
        case errno.EAGAIN:
            # The backlog of the listening socket is full.
            return NO_ANSWER
    return f"the QMP socket {address}: {error_text(error) if error.errno else error}"
