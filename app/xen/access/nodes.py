"""Opening a Xen host: the device files in ``/dev/xen``, or fds that a helper opened."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

from app.host.paths import HOST, Paths
from app.xen.access.evtchn import Evtchn
from app.xen.access.gntdev import Gntdev
from app.xen.access.seam import XenHost
from app.xen.access.xenstore import Xenstore

GNTDEV = "xen/gntdev"
EVTCHN = "xen/evtchn"
XENBUS = "xen/xenbus"
"""Below /dev. All are root's, mode 0600."""

XENSTORED_SOCKET = Path("/run/xenstored/socket")


def open_xen_host(paths: Paths = HOST) -> XenHost:
    """Open all three device files. Raises OSError with the file's name."""
    with ExitStack() as opened:
        fds: list[int] = []
        for name in (GNTDEV, EVTCHN, XENBUS):
            fds.append(_open(paths.dev / name))
            opened.callback(os.close, fds[-1])
        opened.pop_all()
    return xen_host_of(*fds)


def open_store(paths: Paths = HOST) -> Xenstore:
    """Xenstore alone, by its device file, or by xenstored's socket where that file does not exist. Raises OSError."""
    try:
        fd = _open(paths.dev / XENBUS)
    except FileNotFoundError as error:
        fd = _connect(XENSTORED_SOCKET, error)
    with ExitStack() as left:
        left.callback(os.close, fd)
        store = Xenstore(fd)
        left.pop_all()
    return store


def xen_host_of(gntdev_fd: int, evtchn_fd: int, xenbus_fd: int) -> XenHost:
    """The host behind three opened device files, which it takes over, also if it raises OSError."""
    with ExitStack() as left:
        for fd in (gntdev_fd, evtchn_fd, xenbus_fd):
            left.callback(os.close, fd)
        events = Evtchn(evtchn_fd)
        store = Xenstore(xenbus_fd)
        left.pop_all()
    return XenHost(Gntdev(gntdev_fd), events, store)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def _connect(path: Path, missing: OSError) -> int:
    """A host without the socket is one without the device file: its error says more to the user."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except FileNotFoundError:
            raise missing from None
        return connection.detach()
