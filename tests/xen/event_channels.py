"""Event channels of a fake host: each end is a flag of its domain."""

import errno
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress


class Ports:
    """The event channels of all domains. Thread-safe.

    An end is (domid, port). A domain is told of events by the function that it bound its end with.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[int, int] = {}
        self._raise: dict[tuple[int, int], Callable[[], None]] = {}
        self._other: dict[tuple[int, int], tuple[int, int] | None] = {}
        self._for: dict[tuple[int, int], int] = {}

    def allocate(self, domid: int, remote: int, raised: Callable[[], None]) -> int:
        """A port that domain ``remote`` may bind (EVTCHNOP_alloc_unbound)."""
        with self._lock:
            end = self._new(domid, raised)
            self._for[end] = remote
            return end[1]

    def bind(self, domid: int, remote: int, remote_port: int, raised: Callable[[int], None]) -> int:
        """Bind to a port of another domain; raises OSError(EINVAL). The new end gets an event, as Xen does it."""
        with self._lock:
            far = (remote, remote_port)
            if self._for.get(far) != domid or self._other.get(far) is not None:
                raise OSError(errno.EINVAL, f"port {remote_port} of domain {remote}")
            end = self._new(domid, lambda: raised(end[1]))
            self._other[end], self._other[far] = far, end
        raised(end[1])
        return end[1]

    def _new(self, domid: int, raised: Callable[[], None]) -> tuple[int, int]:
        port = self._next.get(domid, 4)
        self._next[domid] = port + 1
        self._raise[domid, port], self._other[domid, port] = raised, None
        return domid, port

    def notify(self, domid: int, port: int) -> None:
        """Tell the other end; nothing if that is gone. Raises OSError(EINVAL) for a port that is not bound here."""
        with self._lock:
            if (domid, port) not in self._raise:
                raise OSError(errno.EINVAL, f"port {port}")
            other = self._other[domid, port]
            raised = None if other is None else self._raise.get(other)
        if raised is not None:
            raised()

    def close(self, domid: int, port: int) -> None:
        with self._lock:
            if self._raise.pop((domid, port), None) is None:
                raise OSError(errno.EINVAL, f"port {port}")
            self._for.pop((domid, port), None)
            other = self._other.pop((domid, port))
            # The other end of an interdomain channel becomes unbound: it can be bound again (Xen's evtchn_close).
            if other in self._other:
                self._other[other] = None

    def close_all(self, domid: int) -> None:
        for port in self.of(domid):
            self.close(domid, port)

    def of(self, domid: int) -> list[int]:
        """The ports of a domain."""
        with self._lock:
            return [port for owner, port in self._raise if owner == domid]


class FakeEventChannels:
    """``/dev/xen/evtchn`` of domain ``domid``: an eventfd, and the ports with events."""

    def __init__(self, ports: Ports, domid: int = 0) -> None:
        self._ports = ports
        self._domid = domid
        self._lock = threading.Lock()
        self._bound: set[int] = set()
        self._pending: dict[int, None] = {}
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.notified = 0
        """So many events were sent."""

    def fileno(self) -> int:
        return self._fd

    @property
    def bound(self) -> int:
        """The ports that are bound now."""
        with self._lock:
            return len(self._bound)

    def bind(self, domid: int, remote_port: int) -> int:
        self._check()
        port = self._ports.bind(self._domid, domid, remote_port, self._raised)
        with self._lock:
            self._bound.add(port)
        return port

    def _raised(self, port: int) -> None:
        with self._lock:
            if self._fd >= 0:
                self._pending[port] = None
                os.eventfd_write(self._fd, 1)

    def notify(self, port: int) -> None:
        self._check(port)
        self.notified += 1
        self._ports.notify(self._domid, port)

    def pending(self) -> tuple[int, ...]:
        self._check()
        with self._lock:
            with suppress(BlockingIOError):
                os.eventfd_read(self._fd)
            # An event of a port that was unbound is lost.
            ports = tuple(each for each in self._pending if each in self._bound)
            self._pending.clear()
        return ports

    def unbind(self, port: int) -> None:
        self._check(port)
        with self._lock:
            self._bound.discard(port)
        self._ports.close(self._domid, port)

    def close(self) -> None:
        with self._lock:
            fd, self._fd = self._fd, -1
            bound: Sequence[int] = sorted(self._bound)
            self._bound.clear()
        if fd >= 0:
            os.close(fd)
            for each in bound:
                self._ports.close(self._domid, each)

    def _check(self, port: int | None = None) -> None:
        with self._lock:
            if self._fd < 0:
                raise OSError(errno.EBADF, "evtchn is closed")
            if port is not None and port not in self._bound:
                raise OSError(errno.ENOTCONN, f"port {port}")
