"""The interfaces to a Xen host. The real ones are opened in /dev/xen; tests have others over memfds and sockets.

Kernel errors are OSError everywhere. Every ``close`` and ``release`` may be called twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class GrantMapping(Protocol):
    """Pages of another domain that are mapped here. The owner releases it."""

    @property
    def memory(self) -> memoryview:
        """All pages, one after the other. Writable only if they were mapped so. The other domain may change it.

        Whoever keeps a view of it releases that view before :meth:`release`.
        """
        ...

    def release(self) -> None:
        """Unmap the pages."""
        ...


class ExportedRefs(Protocol):
    """A dma-buf that the kernel made of grant references. The owner releases it."""

    @property
    def fd(self) -> int: ...

    def release(self, wait_ms: int = 0) -> bool:
        """Close the fd and wait until the kernel has let the pages go; False if something still holds the dma-buf."""
        ...


class Grants(Protocol):
    """``/dev/xen/gntdev``: pages that other domains granted to this one. Thread-safe."""

    def map(self, domid: int, refs: Sequence[int], *, writable: bool = False) -> GrantMapping:
        """Map these pages. Raises OSError; a wrong reference or domain is EINVAL."""
        ...

    def export(self, domid: int, refs: Sequence[int]) -> ExportedRefs:
        """Make a dma-buf of these pages (DMABUF_EXP_FROM_REFS).

        Raises OSError; ENOTTY: the kernel has no such ioctl.
        """
        ...

    def grant_dmabuf(self, fd: int, pages: int, domid: int) -> tuple[int, ...]:
        """Grant all pages of a dma-buf to a domain (DMABUF_IMP_TO_REFS). Returns the references. Raises OSError."""
        ...

    def revoke_dmabuf(self, fd: int) -> None:
        """Take back what :meth:`grant_dmabuf` granted (DMABUF_IMP_RELEASE). Raises OSError."""
        ...

    def close(self) -> None:
        """Take back and unmap everything that is left."""
        ...


class EventChannels(Protocol):
    """``/dev/xen/evtchn``. Used by one thread, but :meth:`notify` by any."""

    def fileno(self) -> int:
        """A fd that is readable while events wait."""
        ...

    def bind(self, domid: int, remote_port: int) -> int:
        """Connect with a port of another domain. Returns our port. Raises OSError."""
        ...

    def notify(self, port: int) -> None:
        """Raises OSError."""
        ...

    def pending(self) -> tuple[int, ...]:
        """The ports with events since the last call, unmasked again; never waits. Raises OSError."""
        ...

    def unbind(self, port: int) -> None:
        """Raises OSError."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """Something changed at or below ``path``. ``token`` is that of the watch."""

    path: str
    token: str


class Store(Protocol):
    """Xenstore. Used by one thread. A node that does not exist is OSError(ENOENT).

    Answers come from xenstored, which may be slow or dead: each call waits for a limited time and then raises
    OSError(ETIMEDOUT); after that every call fails.
    """

    def fileno(self) -> int:
        """A fd that is readable when :meth:`events` may have one."""
        ...

    def read(self, path: str) -> str: ...

    def children(self, path: str) -> tuple[str, ...]:
        """Raises OSError; E2BIG or ENOSYS: more names than xenstored lists."""
        ...

    def owner(self, path: str) -> int:
        """The domain that made a node, and that no unprivileged domain can choose."""
        ...

    def write(self, values: Sequence[tuple[str, str]]) -> None:
        """Write these paths in one transaction, which is tried again after EAGAIN."""
        ...

    def remove(self, path: str) -> None: ...

    def watch(self, path: str, token: str) -> None:
        """Its first event comes at once, also where the path does not exist."""
        ...

    def unwatch(self, path: str, token: str) -> None: ...

    def events(self) -> tuple[WatchEvent, ...]:
        """The events that came; never waits. Raises OSError if the connection has ended."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class XenHost:
    """The opened device files of one session. Its owner closes it."""

    grants: Grants
    events: EventChannels
    store: Store

    def close(self) -> None:
        """Close all three. More calls do nothing."""
        self.events.close()
        self.store.close()
        self.grants.close()
