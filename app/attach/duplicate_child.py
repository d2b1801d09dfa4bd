"""Duplicates a fd of another user's process in a child, which may wait for ever in this program's place.

Between the look at a fd and its duplication its process can open another file under the same number. The duplicate of
a file on FUSE cannot be closed without asking the process that serves it. So only a duplicate that is a VFIO device
comes into this program; any other one stays in the child.
"""

from app.host import vfio_file
from app.host.foreign_child import ForeignChild
from app.host.process import Process

_LIMIT_S = 5.0


def duplicate_in_child(process: Process, fd: int) -> int | None:
    """A duplicate of a fd, closed on exec, if it is a VFIO device; None if it is another file.

    Raises OSError: the kernel's error, or TimeoutError if the child does not answer in five seconds.
    """
    pidfd = process.fileno()
    with ForeignChild(vfio_file.__file__, str(pidfd), str(fd), pass_fds=(pidfd,)) as child:
        _, own = child.receive(_LIMIT_S)
    return own
