"""The message about a QMP socket that cannot be used."""

import errno
from pathlib import Path

from app.errors import error_text
from app.host import permissions
from app.qemu.qmp_address import QmpAddress, UnixAddress

NO_ANSWER = "the QMP socket does not answer: another client may be connected (QEMU serves one at a time)"
BUSY = "another program is using the VM's QMP socket, or the VM hangs"
REMEDY = "give it with --qmp if it is the VM's"


def connect_error_text(address: QmpAddress, error: OSError, owner: str | None = None) -> str:
    """Why there is no connection to ``address``.

    ``owner`` says who owns the socket's file, and its mode. If it is None, this looks at the file.
    """
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return f"there is no QMP socket {address}"
        case errno.EACCES | errno.EPERM:
            if owner is None and isinstance(address, UnixAddress):
                owner = permissions.owner_and_mode(Path(address.path))
            return f"you have no permission to use the QMP socket {address}" + (f" ({owner})" if owner else "")
        case errno.ECONNREFUSED:
            return f"nothing listens at the QMP socket {address}"
        case errno.EAGAIN:
            # The backlog of the listening socket is full.
            return NO_ANSWER
        case errno.ETIMEDOUT | None if isinstance(address, UnixAddress) and isinstance(error, TimeoutError):
            return f"the file system of the QMP socket {address} does not answer"
    return f"the QMP socket {address}: {error_text(error) if error.errno else error}"
