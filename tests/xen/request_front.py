"""The guest's end of a request ring and of an event page (include/xen/interface/io/displif.h, ring.h)."""

import struct
import threading
import time
from typing import NamedTuple

from tests.xen.domain import Channel, Domain

SLOTS, SLOT_BYTES, RING_OFFSET = 32, 64, 64
EVENT_SLOTS, EVENT_OFFSET = 63, 64
DBUF_CREATE, DBUF_DESTROY, FB_ATTACH, FB_DETACH, SET_CONFIG, PG_FLIP, GET_EDID = range(0x10, 0x17)
ANSWER_S = 30.0
"""The driver waits 3 s (XEN_DRM_FRONT_WAIT_BACK_MS in xen_drm_front.h), which a busy host may need by itself."""

_REQUEST = struct.Struct("<HB5x")
_RESPONSE = struct.Struct("<HBxi")
_EVENT = struct.Struct("<HB5xQ")


class Response(NamedTuple):
    """``status`` is 0 or a negative errno."""

    id: int
    operation: int
    status: int
    body: bytes


class RequestFront:
    """One request ring. Requests are answered one after the other, as the driver's lock has it."""

    def __init__(self, domain: Domain) -> None:
        self.channel = Channel(domain)
        self._lock = threading.Lock()
        self._prod = 0
        self._cons = 0
        self._next_id = 0
        # SHARED_RING_INIT: req_prod, req_event, rsp_prod, rsp_event.
        struct.pack_into("<IIII", self.channel.page, 0, 0, 1, 0, 1)

    def put(self, operation: int, body: bytes) -> int:
        """Write a request and tell the backend; does not wait. Returns the request's id."""
        number = self._next_id
        self._next_id = (number + 1) & 0xFFFF
        self.put_raw(_REQUEST.pack(number, operation) + body.ljust(56, b"\0"))
        return number

    def put_raw(self, slot: bytes, *, notify: bool = True) -> None:
        """Write any slot."""
        at = RING_OFFSET + self._prod % SLOTS * SLOT_BYTES
        self.channel.page[at : at + SLOT_BYTES] = slot.ljust(SLOT_BYTES, b"\0")[:SLOT_BYTES]
        self.set_producer(self._prod + 1)
        if notify:
            self.channel.notify()

    def set_producer(self, value: int) -> None:
        """Claim that requests up to this index are in the ring."""
        self._prod = value & 0xFFFFFFFF
        struct.pack_into("<I", self.channel.page, 0, self._prod)

    @property
    def answered(self) -> int:
        """rsp_prod, the backend's count of responses."""
        return int(struct.unpack_from("<I", self.channel.page, 8)[0])

    @property
    def unanswered(self) -> int:
        """Requests without a response, as the ring's indices have it."""
        return (self._prod - self.answered) & 0xFFFFFFFF

    def take(self, timeout_s: float = ANSWER_S) -> Response:
        """The next response. Raises TimeoutError as the driver's -ETIMEDOUT, ConnectionError if the ring was closed."""
        end = time.monotonic() + timeout_s
        with self.channel.changed:
            while self.answered == self._cons:
                if not self.channel.open or not self.channel.domain.alive:
                    raise ConnectionError("the ring was closed")
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError("no answer of the backend")
                self.channel.changed.wait(min(left, 0.05))
        at = RING_OFFSET + self._cons % SLOTS * SLOT_BYTES
        slot = self.channel.page[at : at + SLOT_BYTES]
        self._cons = (self._cons + 1) & 0xFFFFFFFF
        struct.pack_into("<I", self.channel.page, 12, (self._cons + 1) & 0xFFFFFFFF)
        number, operation, status = _RESPONSE.unpack_from(slot)
        return Response(number, operation, status, slot[8:])

    def settle(self, timeout_s: float) -> None:
        """Wait until all requests are answered, and forget the answers. Raises as :meth:`take`."""
        end = time.monotonic() + timeout_s
        # An event for the last answer alone.
        struct.pack_into("<I", self.channel.page, 12, self._prod)
        with self.channel.changed:
            while self.unanswered:
                if not self.channel.open or not self.channel.domain.alive:
                    raise ConnectionError("the ring was closed")
                if time.monotonic() >= end:
                    raise TimeoutError(f"{self.unanswered} requests have no answer")
                self.channel.changed.wait(0.005)
        self._cons = self._prod

    def ask(self, operation: int, body: bytes, timeout_s: float = ANSWER_S) -> Response:
        """One request and its response."""
        with self._lock:
            number = self.put(operation, body)
            response = self.take(timeout_s)
        assert (response.id, response.operation) == (number, operation), response
        return response


class EventFront:
    """One event page. Events with a wrong id are skipped, as the driver skips them."""

    def __init__(self, domain: Domain) -> None:
        self.channel = Channel(domain)
        self.done: list[tuple[int, int]] = []
        """The flips that were done: the framebuffer's cookie and when (``time.monotonic_ns()``)."""
        self.skipped = 0
        """Events with a wrong id."""
        self._next_id = 0

    def wait(self, flips: int, timeout_s: float = ANSWER_S) -> tuple[int, int]:
        """The event number ``flips``, counted from 1. Raises TimeoutError, and ConnectionError for a closed page."""
        end = time.monotonic() + timeout_s
        while True:
            self.consume()
            if len(self.done) >= flips:
                return self.done[flips - 1]
            with self.channel.changed:
                if not self.channel.open or not self.channel.domain.alive:
                    raise ConnectionError("the event page was closed")
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError("no end of the flip")
                if self._in() == self._out():
                    self.channel.changed.wait(min(left, 0.05))

    def consume(self) -> None:
        """Take the events that came."""
        cons, prod = self._out(), self._in()
        if (prod - cons) & 0xFFFFFFFF > EVENT_SLOTS:
            cons = (prod - EVENT_SLOTS) & 0xFFFFFFFF
        while cons != self._in():
            at = EVENT_OFFSET + cons % EVENT_SLOTS * SLOT_BYTES
            number, kind, cookie = _EVENT.unpack_from(self.channel.page, at)
            cons = (cons + 1) & 0xFFFFFFFF
            expected, self._next_id = self._next_id, (self._next_id + 1) & 0xFFFF
            if number != expected or kind != 0:
                self.skipped += 1
            else:
                self.done.append((cookie, time.monotonic_ns()))
        struct.pack_into("<I", self.channel.page, 0, cons)

    def _in(self) -> int:
        return int(struct.unpack_from("<I", self.channel.page, 4)[0])

    def _out(self) -> int:
        return int(struct.unpack_from("<I", self.channel.page, 0)[0])
