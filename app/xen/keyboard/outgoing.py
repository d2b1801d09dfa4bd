"""Input on its way to a guest: from the window's thread into the page of the guest's keyboard, as fast as it takes it.

Motion is merged while the guest does not read. Keys and buttons wait in order; if too many wait, or none is read for
some seconds, the guest counts as lost: what waits is dropped, but the releases of what is pressed are kept.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.input.event import Event, Key
from app.vm.input_queue import InputQueue, KeyRateLimit, SentPresses
from app.vm.monitor import Reply
from app.xen.keyboard.keyboard_events import GuestPointer, KeyboardEvents
from app.xen.keyboard.keyboard_page import KeyboardPage

LATE_NS = 5_000_000_000
"""A guest that has not read for so long counts as lost, as with other monitors."""

LATE = "the guest has not taken its input for 5 s"
TOO_SLOW = "the guest takes its input too slowly: some of it was not passed on"


@dataclass(slots=True)
class _Tap:
    """A key that is pressed and released past what waits. ``end`` is the page's ``in_prod`` after it."""

    events: list[bytes]
    done: Callable[[Reply], None]
    asked_ns: int
    sent_ns: int | None = None
    end: int = 0


class Outgoing:
    """``push``, ``tap``, ``finish`` and ``end`` may be called on any thread; the rest on the backend's thread."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._queue, self._sent, self._key_rate = InputQueue(), SentPresses(), KeyRateLimit()
        self._events = KeyboardEvents()
        self._batch: tuple[Event, ...] = ()
        """Taken from the queue. Empty when all its events are in the page."""
        self._waiting: deque[bytes] = deque()
        """What is left of the batch."""
        self._begun = False
        """Whether the events of the batch were made."""
        self._pause_until: int | None = None
        """When the guest's keyboard can take the batch; None: it is not that which holds it up."""
        self._taps: list[_Tap] = []
        self._ended = ""
        self._finishing = False
        self._unread = 0
        self._read_at = 0
        """When the guest was seen to read, or had nothing to read."""
        self.lost = ""
        """Why the guest counts as lost; empty if it does not."""
        self.idle = threading.Event()
        """Set when all is written that was pushed before :meth:`finish`, or there is no guest."""

    def push(self, events: Sequence[Event]) -> None:
        """Send events in order, as soon as the guest takes them."""
        with self._lock:
            if not self._ended and not self._finishing and not self._queue.push(events):
                self._lose(TOO_SLOW)

    def tap(self, name: str, done: Callable[[Reply], None]) -> None:
        """Press and release a key. ``done`` is called once, here or on the backend's thread."""
        events = KeyboardEvents().of([Key(name, True), Key(name, False)], GuestPointer())
        with self._lock:
            if why := self._ended or ("" if events else f"Linux has no number for the key {name!r}"):
                reply: Reply | None = Reply(error=why)
            else:
                self._taps.append(_Tap(events, done, self._clock()))
                reply = None
        if reply is not None:
            done(reply)

    def finish(self) -> None:
        """Take no more events, and release what is pressed after what waits."""
        with self._lock:
            self._finishing = True

    def end(self, why: str) -> None:
        """There is no guest any more. Waiting taps are answered."""
        with self._lock:
            self._ended = self._ended or why
            self._forget()
            taps, self._taps = self._taps, []
        self.idle.set()
        for each in taps:
            each.done(Reply(error=why))

    def disconnected(self) -> None:
        """The guest's driver has gone: it releases its keys itself. What waits would surprise its user later."""
        with self._lock:
            self._forget()
            self._unread, self.lost = 0, ""

    def fill(self, page: KeyboardPage, pointer: GuestPointer) -> bool:
        """Put what is due into the page; whether the guest is to be notified. Raises GuestError."""
        now = self._clock()
        with self._lock:
            unread = page.unread()
            if not unread or unread < self._unread:
                self._read_at, self.lost = now, ""
            elif now - self._read_at >= LATE_NS and not self.lost:
                self._lose(LATE)
            before = page.in_prod
            self._put_taps(page, now)
            self._put_batches(page, pointer, now)
            if self._finishing:
                self._put_releases(page, pointer, now)
            self._unread = page.unread()
            answered = self._answered(page, now)
        for each, reply in answered:
            each.done(reply)
        return page.in_prod != before

    def due_ns(self) -> int | None:
        """When to call :meth:`fill` again though the guest has not read, in nanoseconds; None: it need not be."""
        with self._lock:
            due = [each.asked_ns + LATE_NS for each in self._taps]
            if self._pause_until is not None:
                due.append(self._pause_until)
            if self._unread and not self.lost:
                due.append(self._read_at + LATE_NS)
            return min(due, default=None)

    def _put_taps(self, page: KeyboardPage, now: int) -> None:
        for each in self._taps:
            if each.sent_ns is None and len(each.events) <= page.free():
                page.put(each.events)
                each.sent_ns, each.end = now, page.in_prod

    def _put_batches(self, page: KeyboardPage, pointer: GuestPointer, now: int) -> None:
        self._pause_until = None
        while self._put_waiting(page) and self._next_batch(now):
            self._waiting.extend(self._events.of(self._batch, pointer))

    def _put_releases(self, page: KeyboardPage, pointer: GuestPointer, now: int) -> None:
        """The last events, once nothing else waits."""
        if not self._queue and not self._batch:
            self._queue.push(self._sent.releases())
            self._put_batches(page, pointer, now)
        if not self._queue and not self._batch:
            self.idle.set()

    def _put_waiting(self, page: KeyboardPage) -> bool:
        """Whether all events of the batch that was begun are in the page."""
        count = min(page.free(), len(self._waiting))
        if count:
            page.put([self._waiting.popleft() for _ in range(count)])
        if self._waiting:
            return False
        if self._begun:
            self._sent.finish(self._batch)
            self._batch, self._begun = (), False
        return True

    def _next_batch(self, now: int) -> bool:
        """Begin the next batch, if there is one and its time has come."""
        if not self._batch:
            self._batch = self._queue.take()
            # Before the pause: if the guest is lost meanwhile, these keys must still be released.
            self._sent.start(self._batch)
        delay = self._key_rate.delay(self._batch, now)
        if delay:
            self._pause_until = now + delay
        self._begun = bool(self._batch) and not delay
        return self._begun

    def _answered(self, page: KeyboardPage, now: int) -> list[tuple[_Tap, Reply]]:
        """The taps that the guest has read, and those that it has not read in time."""
        answered = []
        for each in tuple(self._taps):
            if each.sent_ns is not None and page.in_prod - each.end & 0xFFFFFFFF >= self._unread:
                reply = Reply(sent_ns=each.sent_ns, received_ns=now)
            elif now - each.asked_ns >= LATE_NS:
                reply = Reply(error=LATE)
            else:
                continue
            self._taps.remove(each)
            answered.append((each, reply))
        return answered

    def _lose(self, why: str) -> None:
        self.lost = why
        self._forget(keep_pressed=True)
        self._queue.push(self._sent.releases())

    def _forget(self, *, keep_pressed: bool = False) -> None:
        self._queue.clear()
        self._waiting.clear()
        self._batch, self._begun, self._pause_until = (), False, None
        if not keep_pressed:
            self._sent = SentPresses()
