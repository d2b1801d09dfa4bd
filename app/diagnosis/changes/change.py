"""A change of what a source shows: one entry of an event log, with its time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from app.planes.plane import PlaneKind

_SECOND = 1_000_000_000


class ChangeKind(Enum):
    """The values are written to JSON."""

    START = "start"
    STATE = "state"
    """State, reason or detail of the picture; a failed query is one."""
    PLANE = "plane"
    """A plane came on or went off."""
    REJECTED = "rejected"
    """The source reports a plane that cannot be shown, for this reason; or no more."""
    FORMAT = "format"
    MODIFIER = "modifier"
    SIZE = "size"
    STRIDE = "stride"
    OFFSET = "offset"
    ORIENTATION = "orientation"
    HOT_SPOT = "hot-spot"
    POSITION = "position"
    BUFFER = "buffer"
    """A plane shows another buffer: one that it did not show before, or after a pause."""
    FLIPS = "flips"
    """Among which buffers a plane flips, and how often. Single flips are not told."""
    PATH = "path"
    """How the pixels of a plane reach the GPU."""
    FETCHED = "fetched"
    RELEASED = "released"
    QUERY_ERRORS = "query-errors"
    """Queries failed, of any plane: how many since the last time, by their errno."""
    FINDING = "finding"
    FINDING_GONE = "finding-gone"
    OMITTED = "omitted"
    """Changes of one kind that came too fast to be told one by one."""
    END = "end"
    """The device is gone or its VM ended."""


@dataclass(frozen=True, slots=True)
class Change:
    """``ns`` is when it was seen, in nanoseconds of ``time.monotonic_ns()``. ``text`` is one line of printable text.

    ``values`` are the values for JSON, with lower_snake_case keys. ``plane`` is None if it is about no single plane.
    """

    ns: int
    kind: ChangeKind
    text: str
    plane: PlaneKind | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogStart:
    """When a log was started, by both clocks. ``wall`` has a time zone."""

    ns: int
    wall: datetime

    def wall_time(self, ns: int) -> str:
        """The date and time of ``ns``: ISO 8601, milliseconds, zone. It ignores that the clock is set meanwhile."""
        return (self.wall + timedelta(microseconds=(ns - self.ns) // 1000)).isoformat(timespec="milliseconds")

    def line(self, change: Change) -> str:
        """The change as one line: seconds since the start, date and time, and the text."""
        seconds = (change.ns - self.ns) / _SECOND
        return f"{f'+{seconds:.3f}':>11}  {self.wall_time(change.ns)}  {change.text}"

    def document(self, change: Change) -> dict[str, Any]:
        """The change for programs. ``time_ns`` counts from the start. A published key keeps its meaning."""
        return {
            "time_ns": change.ns - self.ns,
            "wall": self.wall_time(change.ns),
            "kind": change.kind.value,
            "plane": change.plane.name.lower() if change.plane is not None else None,
            "text": change.text,
            **change.values,
        }
