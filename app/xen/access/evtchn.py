"""``/dev/xen/evtchn``: interrupts between domains (``drivers/xen/evtchn.c``)."""

import fcntl
import os
from array import array

from app.xen.abi.evtchn import (
    IOCTL_EVTCHN_BIND_INTERDOMAIN,
    IOCTL_EVTCHN_NOTIFY,
    IOCTL_EVTCHN_UNBIND,
    ioctl_evtchn_bind_interdomain,
    ioctl_evtchn_notify,
    ioctl_evtchn_unbind,
)
from app.xen.access.gntdev import Ioctl
from app.xen.access.owned_fd import OwnedFd

_READ_BYTES = 4096


class Evtchn:
    """Takes the fd over and makes it non-blocking."""

    def __init__(self, fd: int, *, ioctl: Ioctl = fcntl.ioctl) -> None:
        self._fd = OwnedFd(fd)
        self._ioctl = ioctl
        os.set_blocking(fd, False)

    def fileno(self) -> int:
        """Readable while events wait. Raises OSError(EBADF) if closed."""
        with self._fd.use() as fd:
            return fd

    def bind(self, domid: int, remote_port: int) -> int:
        """Connect with a port of another domain. Returns our port. Raises OSError; EINVAL: it has no such port."""
        return self._call(
            IOCTL_EVTCHN_BIND_INTERDOMAIN, ioctl_evtchn_bind_interdomain(remote_domain=domid, remote_port=remote_port)
        )

    def notify(self, port: int) -> None:
        """May be called by any thread. Raises OSError; ENOTCONN: the port is not bound."""
        self._call(IOCTL_EVTCHN_NOTIFY, ioctl_evtchn_notify(port=port))

    def pending(self) -> tuple[int, ...]:
        """The ports with events since the last call, unmasked again; never waits. Raises OSError."""
        with self._fd.use() as fd:
            try:
                content = os.read(fd, _READ_BYTES)
            except BlockingIOError:
                return ()
            whole = content[: len(content) // 4 * 4]
            if whole:
                os.write(fd, whole)
        return tuple(array("I", whole))

    def unbind(self, port: int) -> None:
        """Raises OSError; ENOTCONN: the port is not bound."""
        self._call(IOCTL_EVTCHN_UNBIND, ioctl_evtchn_unbind(port=port))

    def close(self) -> None:
        """The kernel unbinds all ports. May be called twice."""
        self._fd.close()

    def _call(
        self, request: int, argument: ioctl_evtchn_bind_interdomain | ioctl_evtchn_notify | ioctl_evtchn_unbind
    ) -> int:
        with self._fd.use() as fd:
            return self._ioctl(fd, request, bytearray(argument))
