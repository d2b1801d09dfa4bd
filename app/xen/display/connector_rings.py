"""The request ring and the event page of one connector, mapped and bound."""

from collections.abc import Callable
from contextlib import ExitStack

from app.xen.abi.displif import (
    XENDISPL_FIELD_EVT_CHANNEL,
    XENDISPL_FIELD_EVT_RING_REF,
    XENDISPL_FIELD_REQ_CHANNEL,
    XENDISPL_FIELD_REQ_RING_REF,
    xendispl_req,
    xendispl_resp,
)
from app.xen.access.seam import XenHost
from app.xen.backend.connection import Connection
from app.xen.backend.event_page import EventPage
from app.xen.backend.request_ring import RequestRing
from app.xen.display.connector import Connector

WINDOW_NS = 10_000_000
MOST_REQUESTS = 512
"""So many requests of a connector are answered in one window; further ones wait for the next. A desktop makes a few."""

_AT_ONCE = 1
"""A request may map 512 MiB, which takes a while. Linux waits for each answer before it asks again (req_io_lock)."""


class ConnectorRings:
    """Owns the mappings and the ports. Used by the backend's thread.

    The constructor reads the guest's nodes: it raises OSError and GuestError, and then holds nothing.
    """

    def __init__(self, host: XenHost, domid: int, connection: Connection, connector: Connector) -> None:
        self.connector = connector
        self._events = host.events
        self._window_ends_ns = 0
        self._left = MOST_REQUESTS
        self._again_ns: int | None = None
        with ExitStack() as stack:

            def page(node: str) -> memoryview:
                mapping = host.grants.map(domid, (number(node),), writable=True)
                stack.callback(mapping.release)
                return mapping.memory

            def port(node: str) -> int:
                bound = host.events.bind(domid, number(node))
                stack.callback(host.events.unbind, bound)
                return bound

            def number(node: str) -> int:
                return connection.front_number(f"{connector.number}/{node}")

            self._ring = RequestRing(page(XENDISPL_FIELD_REQ_RING_REF))
            stack.callback(self._ring.release)
            self._page = EventPage(page(XENDISPL_FIELD_EVT_RING_REF))
            stack.callback(self._page.release)
            self.request_port = port(XENDISPL_FIELD_REQ_CHANNEL)
            self._event_port = port(XENDISPL_FIELD_EVT_CHANNEL)
            self._held = stack.pop_all()

    def serve(self, answer: Callable[[xendispl_req, Connector], xendispl_resp], clock: Callable[[], int]) -> None:
        """Answer the requests that wait, for one window at most. ``clock`` gives nanoseconds.

        Raises GuestError if the ring makes no sense, and OSError.
        """
        now_ns = clock()
        if now_ns >= self._window_ends_ns:
            self._window_ends_ns, self._left = now_ns + WINDOW_NS, MOST_REQUESTS
        self._again_ns = None
        while self._left > 0 and now_ns < self._window_ends_ns:
            requests = self._ring.take(_AT_ONCE)
            if not requests:
                return
            self._left -= len(requests)
            for each in requests:
                self._ring.respond(answer(each, self.connector))
            if self._ring.publish():
                self._events.notify(self.request_port)
            now_ns = clock()
        self._again_ns = self._window_ends_ns

    def due_ns(self) -> int | None:
        """When a flip is to be told, or requests that had to wait are to be served."""
        flips = self.connector.due_ns()
        return min((each for each in (flips, self._again_ns) if each is not None), default=None)

    def has_waiting(self, now_ns: int) -> bool:
        """Whether :meth:`serve` is to be called though no event came."""
        return self._again_ns is not None and self._again_ns <= now_ns

    def tell_flips(self, now_ns: int) -> None:
        """Tell the guest of the flips that are done. Raises OSError."""
        self._tell(self.connector.due_events(now_ns))

    def tell_all_flips(self) -> None:
        """Tell the guest that all its flips are done: nobody will show them. Raises OSError."""
        self._tell(self.connector.all_events())

    def _tell(self, done: list[int]) -> None:
        for fb in done:
            self._page.flip_done(fb)
        if done:
            self._events.notify(self._event_port)

    def release(self) -> None:
        """Unmap and unbind; more calls do nothing. Raises OSError if the kernel refuses; everything is tried."""
        self._held.close()
