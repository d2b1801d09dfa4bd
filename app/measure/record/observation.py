"""What another program does with a vGPU, from the kernel's trace of its ioctls: how often it polls, how long its
queries and fetches take, and how long after a flip it polls.

The trace does not tell which plane a query asks for. A viewer queries the primary plane, and then perhaps the cursor's,
so queries that follow each other closely are one poll, which begins with the first of them.
"""

import errno
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from app.abi import vfio
from app.measure.record.stage import Stage
from app.tracing.ioctl_events import IoctlEnd, IoctlEvent, IoctlStart

# Two planes of one poll are queried within this time, unless a fetch is between them.
_SAME_POLL_NS = 500_000
# The primary plane and the cursor's (no driver has an overlay).
_PLANES = 2
# Another program decides how many there are.
_MOST_DEVICES = 32
_MOST_CALLS = 1024
_MOST_ERRORS = 16
# Polls and flips that are kept to be matched: polls of four seconds at one each millisecond.
_MOST_POLLS = 4096
_MOST_FLIPS = 1024


def lag_band(polls: Sequence[int], previous_ns: int, seen_ns: int) -> tuple[int, int]:
    """How long after a flip the first poll began: the shortest and the longest time, in nanoseconds.

    The flip happened at an unknown time between ``previous_ns`` and ``seen_ns``. ``polls`` are the starts of
    the other program's polls in ascending order, with one at or after ``seen_ns``.
    """
    longest, after = 0, previous_ns
    between = False
    for each in polls:
        if each < previous_ns:
            continue
        longest = max(longest, each - after)
        if each >= seen_ns:
            # A poll before this one may have begun just after the flip.
            return 0 if between else each - seen_ns, longest
        after, between = each, True
    raise ValueError("no poll is known after the flip")


class ObservedDevice:
    """The calls on one fd of the program."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.stages = {name: Stage() for name in ("poll_interval", "query", "fetch", "flip_to_poll")}
        self.polls = 0
        self.queries = 0
        self.fetches = 0
        self.queries_failed = 0
        self.fetches_failed = 0
        self.errors: Counter[str] = Counter()
        self.first_ns: int | None = None
        self.last_ns = 0
        self._poll_starts: deque[int] = deque(maxlen=_MOST_POLLS)
        self._flips: deque[tuple[int, int]] = deque(maxlen=_MOST_FLIPS)
        self._queries_in_poll = 0
        self._polls_of_two_planes = 0
        self._fetched = False

    def started(self, event: IoctlStart) -> None:
        """A query or a fetch began."""
        if event.request == vfio.VFIO_DEVICE_GET_GFX_DMABUF:
            self.fetches += 1
            self._fetched = True
        else:
            self.queries += 1
            if self._begins_poll(event.time_ns):
                self._poll(event.time_ns)
            self._queries_in_poll += 1
            self._polls_of_two_planes += self._queries_in_poll == _PLANES
            self._fetched = False
        self.last_ns = event.time_ns

    def ended(self, start: IoctlStart, end: IoctlEnd) -> None:
        """The call that began with ``start`` returned."""
        fetch = start.request == vfio.VFIO_DEVICE_GET_GFX_DMABUF
        self.stages["fetch" if fetch else "query"].record(end.time_ns, end.time_ns - start.time_ns)
        self.last_ns = max(self.last_ns, end.time_ns)
        if end.value >= 0:
            return
        self.fetches_failed += fetch
        self.queries_failed += not fetch
        name = errno.errorcode.get(-end.value, str(end.value))
        if name in self.errors or len(self.errors) < _MOST_ERRORS:
            self.errors[name] += 1
        if not fetch and end.value == -errno.ENOMEM:
            # Asked again at once: mbochs answers so to the first query of a mode.
            self._queries_in_poll = max(0, self._queries_in_poll - 1)

    def flipped(self, previous_ns: int, seen_ns: int) -> None:
        """The guest flipped between these two times."""
        self._flips.append((previous_ns, seen_ns))
        self._match()

    def interrupted(self) -> None:
        """Events were lost: what follows begins anew."""
        self._poll_starts.clear()
        self._flips.clear()
        self._queries_in_poll = _PLANES

    def _begins_poll(self, now_ns: int) -> bool:
        if self.first_ns is None or self._queries_in_poll >= _PLANES:
            return True
        if now_ns - self.last_ns <= _SAME_POLL_NS:
            return False
        # A viewer imports what it fetched before it queries the cursor.
        two_planes = 2 * self._polls_of_two_planes > self.polls
        return not (self._fetched and two_planes)

    def _poll(self, now_ns: int) -> None:
        if self._poll_starts:
            self.stages["poll_interval"].record(now_ns, now_ns - self._poll_starts[-1])
        if self.first_ns is None:
            self.first_ns = now_ns
        self.polls += 1
        self._queries_in_poll = 0
        self._poll_starts.append(now_ns)
        self._match()

    def _match(self) -> None:
        """Count the flips after which a poll is known."""
        while self._flips and self._poll_starts and self._poll_starts[-1] >= self._flips[0][1]:
            previous_ns, seen_ns = self._flips.popleft()
            if self._poll_starts[0] > previous_ns:
                # It may have polled before, which was not traced yet or is forgotten.
                continue
            polls = [each for each in self._poll_starts if each >= previous_ns]
            low, high = lag_band(polls, previous_ns, seen_ns)
            self.stages["flip_to_poll"].record_band(self._poll_starts[-1], low, high)

    def document(self) -> dict[str, Any]:
        """Its stages and counters. ``poll_rate_hz`` counts from the first poll to the last call."""
        duration_ns = self.last_ns - self.first_ns if self.first_ns is not None else 0
        return {
            "stages": {name: stage.document() for name, stage in self.stages.items() if stage.count},
            "polls": self.polls,
            "poll_rate_hz": round((self.polls - 1) * 1e9 / duration_ns, 1) if duration_ns > 0 else None,
            "queries": self.queries,
            "queries_failed": self.queries_failed,
            "fetches": self.fetches,
            "fetches_failed": self.fetches_failed,
            "errors": dict(self.errors),
        }


class Observation:
    """The calls of one program, by fd. Takes events and flips in the order of their times; raises nothing.

    ``is_device`` tells whether a fd is a device: an IOMMU container has requests with the same numbers
    (VFIO_IOMMU_UNMAP_DMA in include/uapi/linux/vfio.h).
    """

    def __init__(self, is_device: Callable[[int], bool]) -> None:
        self._is_device = is_device
        self._devices: dict[int, ObservedDevice | None] = {}
        self._calls: dict[int, IoctlStart] = {}
        self.flips_seen = 0
        self.events_lost = 0

    @property
    def devices(self) -> list[ObservedDevice]:
        """The one with the most queries first."""
        found = [each for each in self._devices.values() if each is not None]
        return sorted(found, key=lambda each: -each.queries)

    def add(self, events: Sequence[IoctlEvent], lost: int = 0) -> None:
        """Count events. If ``lost`` more were lost among them, none of them counts, as intervals would be wrong."""
        if lost:
            self.events_lost += lost + len(events)
            self._calls.clear()
            for each in self.devices:
                each.interrupted()
            return
        for event in events:
            if isinstance(event, IoctlStart):
                self._start(event)
            elif (start := self._calls.pop(event.tid, None)) is not None:
                device = self._devices.get(start.fd)
                if device is not None:
                    device.ended(start, event)

    def flipped(self, previous_ns: int, seen_ns: int) -> None:
        """The guest flipped after ``previous_ns`` and not after ``seen_ns``; the same times if that is known."""
        self.flips_seen += 1
        for device in self.devices:
            device.flipped(previous_ns, seen_ns)

    def _start(self, event: IoctlStart) -> None:
        if event.fd not in self._devices:
            if len(self._devices) >= _MOST_DEVICES:
                return
            self._devices[event.fd] = ObservedDevice(event.fd) if self._is_device(event.fd) else None
        device = self._devices[event.fd]
        if device is None:
            return
        device.started(event)
        self._calls.pop(event.tid, None)
        if len(self._calls) >= _MOST_CALLS:
            self._calls.pop(next(iter(self._calls)))
        self._calls[event.tid] = event
