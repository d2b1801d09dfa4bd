"""What a :class:`app.xen.backend.backend_thread.BackendThread` runs: the backend of one device of a guest."""

from collections.abc import Collection
from typing import Protocol

from app.xen.access.seam import WatchEvent, XenHost


class Driver(Protocol):
    """One device. All calls come from the thread; none waits for the guest.

    An exception of any of them but ``failed`` and ``close`` ends the device: ``failed``, then ``close``.
    """

    def start(self, host: XenHost) -> None:
        """The first call: watch the nodes, look at the states. The thread's owner closes the host."""
        ...

    def ports(self) -> Collection[int]:
        """The event channels that are bound now."""
        ...

    def handle(self, port: int) -> None:
        """An event came on one of :meth:`ports`, perhaps without a reason."""
        ...

    def store_event(self, event: WatchEvent) -> None:
        """Something changed in xenstore. Each driver gets the events of all watches, and knows its own by the token."""
        ...

    def due_ns(self) -> int | None:
        """When :meth:`due` is to be called (``time.monotonic_ns()``), None for never."""
        ...

    def due(self, now_ns: int) -> None:
        """Called after each turn of the thread; ``now_ns`` may be before :meth:`due_ns`."""
        ...

    def failed(self, why: str) -> None:
        """The device ends because of an error, which is logged already: tell whoever looks at it."""
        ...

    def close(self) -> None:
        """Write the states that the next backend needs, unbind and unmap everything. Called once; may raise OSError."""
        ...
