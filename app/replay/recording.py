"""A recording in memory: what the device answers at each time. The contents of buffers stay in the file."""

import ctypes
from bisect import bisect_right
from collections.abc import Hashable
from typing import TypeVar

from app.abi import vfio
from app.planes.status import Reason, State, Status
from app.replay import schema
from app.replay.schema import Context, End, Fetch, Info, Map, Message, Pixels, Query, Read
from app.replay.timeline import Timeline

Place = tuple[str, int]
"""Where pixels are: ("inode", its number) or ("region", its index)."""

T = TypeVar("T")

_REGION_SIZE = ctypes.sizeof(vfio.vfio_region_info)
_REASONS = {each.key: each for each in Reason}
# A recording of a week. A greater time is that of a damaged file.
_LONGEST_NS = 7 * 24 * 3600 * 1_000_000_000


class Recording:
    """Times are nanoseconds from the start. ``damage`` says why a part of the file is missing; empty if none is."""

    def __init__(self, context: Context, start_ns: int) -> None:
        self.context = context
        self.damage = ""
        self.duration_ns = 0
        self.times: list[int] = []
        """When something changes that can be seen: an answer to a query or a fetch, or pixels."""
        self._start_ns = start_ns
        self._last_ns = 0
        self._queries: dict[Hashable, Timeline[Query]] = {}
        self._fetches: dict[Hashable, Timeline[Fetch]] = {}
        self._infos: dict[Hashable, Timeline[Info]] = {}
        self._reads: dict[Hashable, Timeline[Read]] = {}
        self._maps: dict[Hashable, Timeline[Map]] = {}
        self._pixels: dict[Hashable, Timeline[Pixels]] = {}
        self._gone: tuple[int, Status] | None = None

    def add(self, message: Message, log_ns: int) -> None:
        """Add the next message. Times never go back: an earlier time counts as that of the message before."""
        ns = self._last_ns = min(max(log_ns - self._start_ns, self._last_ns), _LONGEST_NS)
        match message:
            case Query():
                _add(self._queries, (message.plane_type, message.flags), ns, message)
            case Fetch():
                _add(self._fetches, message.dmabuf_id, ns, message)
            case Info():
                _add(self._infos, (message.region, message.argsz), ns, message)
            case Read():
                _add(self._reads, (message.length, message.offset), ns, message)
            case Map():
                _add(self._maps, (message.length, message.offset), ns, message)
            case Pixels():
                place = _place(message)
                # Dropped contents say nothing about what is there.
                if place is None or message.source == "dropped":
                    return
                _add(self._pixels, place, ns, message)
            case schema.State():
                self._add_state(message, ns)
            case End():
                return
        if isinstance(message, Query | Fetch | Pixels) and self.times[-1:] != [ns]:
            self.times.append(ns)

    def finish(self) -> None:
        """All messages were added."""
        self.duration_ns = self._last_ns

    def query(self, plane_type: int, flags: int, ns: int) -> Query | None:
        """The answer at that time; None if the question was never asked. So are the others."""
        return _at(self._queries, (plane_type, flags), ns)

    def fetch(self, dmabuf_id: int, ns: int) -> Fetch | None:
        return _at(self._fetches, dmabuf_id, ns)

    def info(self, region: int | None, argsz: int, ns: int) -> Info | None:
        return _at(self._infos, (region, argsz), ns)

    def read(self, length: int, offset: int, ns: int) -> Read | None:
        return _at(self._reads, (length, offset), ns)

    def map(self, length: int, offset: int, ns: int) -> Map | None:
        return _at(self._maps, (length, offset), ns)

    def pixels(self, place: Place, ns: int) -> Pixels | None:
        """What the buffer holds at that time."""
        return _at(self._pixels, place, ns)

    def is_readable(self, place: Place) -> bool:
        """Whether the pixels of the place were ever seen, or only left out."""
        timeline = self._pixels.get(place)
        return timeline is None or any(each.source != "unreadable" for each in timeline.values())

    def gone(self, ns: int) -> Status | None:
        """The end of the VM or the device, if it is before that time."""
        return self._gone[1] if self._gone is not None and ns >= self._gone[0] else None

    def region_at(self, offset: int, ns: int) -> int | None:
        """The index of the region that begins at an offset of the device file; None if none does.

        Two indices may lead to one region (mdpy's BAR 0 and display region): then it is the one that has pixels.
        """
        found = [each for each in self._regions(ns) if each.offset == offset and each.size]
        shown = [each for each in found if ("region", each.index) in self._pixels]
        return next((each.index for each in (*shown, *found)), None)

    def _regions(self, ns: int) -> list[vfio.vfio_region_info]:
        infos = [timeline.at(ns) for timeline in self._infos.values()]
        answers = [each.answer for each in infos if each.region is not None and each.answer is not None]
        return [vfio.vfio_region_info.from_buffer_copy(each) for each in answers if len(each) >= _REGION_SIZE]

    def next_time(self, ns: int) -> int | None:
        """When something changes after that time; None if nothing does any more."""
        index = bisect_right(self.times, ns)
        return self.times[index] if index < len(self.times) else None

    def _add_state(self, message: schema.State, ns: int) -> None:
        reason = _REASONS.get(message.reason)
        if reason is not None and reason.state is State.GONE and self._gone is None:
            self._gone = (ns, Status(reason, message.detail))


def _place(pixels: Pixels) -> Place | None:
    if pixels.inode is not None:
        return ("inode", pixels.inode)
    return ("region", pixels.region) if pixels.region is not None else None


def _add(timelines: dict[Hashable, Timeline[T]], key: Hashable, ns: int, value: T) -> None:
    timelines.setdefault(key, Timeline()).add(ns, value)


def _at(timelines: dict[Hashable, Timeline[T]], key: Hashable, ns: int) -> T | None:
    timeline = timelines.get(key)
    return None if timeline is None else timeline.at(ns)
