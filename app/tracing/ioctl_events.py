"""The events of a process's display ioctls: the start of a query or a fetch, and the end of an ioctl."""

from dataclasses import dataclass
from typing import TypeAlias

from app.tracing.event_format import EventFormat, parse_format
from app.tracing.ring_page import RawRecord


@dataclass(frozen=True, slots=True)
class IoctlStart:
    """A thread called ioctl(2) on ``fd``. ``time_ns`` is of CLOCK_MONOTONIC."""

    time_ns: int
    tid: int
    fd: int
    request: int


@dataclass(frozen=True, slots=True)
class IoctlEnd:
    """The call returned ``value``: a negative errno if it failed. Which call it was, the thread tells."""

    time_ns: int
    tid: int
    value: int


IoctlEvent: TypeAlias = IoctlStart | IoctlEnd


class IoctlDecoder:
    """Decodes records by the files ``format`` of ``sys_enter_ioctl`` and ``sys_exit_ioctl``. Raises ValueError."""

    def __init__(self, start_format: str, end_format: str) -> None:
        common = ("common_type", "common_pid")
        self._start: EventFormat = parse_format(start_format, *common, "fd", "cmd")
        self._end: EventFormat = parse_format(end_format, *common, "ret")

    def decode(self, record: RawRecord) -> IoctlEvent | None:
        """The event; None for another one. Raises ValueError for a record that is too short."""
        data = record.data
        number = self._start.fields["common_type"].read(data)
        if number == self._start.number:
            fields = self._start.fields
            tid, fd, request = (fields[name].read(data) for name in ("common_pid", "fd", "cmd"))
            # The kernel stores them as longs; they are 32 bits wide.
            return IoctlStart(record.time_ns, tid, fd & 0xFFFFFFFF, request & 0xFFFFFFFF)
        if number == self._end.number:
            fields = self._end.fields
            return IoctlEnd(record.time_ns, fields["common_pid"].read(data), fields["ret"].read(data))
        return None
