"""Shared memory between one process that writes and one that reads, without locks. Neither ever waits for the other.

A record is written into a free slot. One store of eight bytes, the record's number, then makes it the current one (as
the second half of a seqlock does). The reader reads the number, then the slot, and reads again if the writer has come
round to that slot meanwhile. So a writer that stops or dies in the middle of a write leaves the record before.

Beside each record is the time at which it was made the current one, taken right before that store.

Python has no memory barriers. On x86 stores become visible in their order. Elsewhere they may not, so each record also
holds its number and a check sum: a record of which a part is not visible yet is read again.
"""

import errno
import struct
import time
import zlib

_SLOTS = 64
_HEAD = 64
_EDGE = struct.Struct("=QI")
_TIME = struct.Struct("=Q")
# A reader meets a write only if it was stopped for as long as the writer takes for all slots.
_TRIES = 1000


class Published:
    """The current record of a fixed format, at the start of ``memory``, which is zero at first. One process writes.

    Before the first :meth:`show` there is no record.
    """

    def __init__(self, memory: memoryview, layout: str) -> None:
        self._record = struct.Struct(layout)
        self._size = self.slot_size(layout)
        self._memory = memory[: self.size(layout)]
        # An item of this view is loaded and stored in one instruction, unlike with struct.
        self._current = self._memory[:8].cast("Q")
        self._times = self._memory.cast("Q")
        self._read_number = 0
        self._read: tuple[int, tuple[int, ...]] = (0, ())

    @staticmethod
    def slot_size(layout: str) -> int:
        return -(-(_TIME.size + struct.calcsize(layout) + _EDGE.size) // 64) * 64

    @classmethod
    def size(cls, layout: str) -> int:
        """The bytes of memory that a record of that layout needs."""
        return _HEAD + _SLOTS * cls.slot_size(layout)

    @property
    def number(self) -> int:
        """The number of the current record; they count from 1. 0 if there is none."""
        return self._current[0]

    def prepare(self, *values: int) -> int:
        """Write the next record, which is not the current one yet. Returns its number."""
        number = self._current[0] + 1
        start = self._slot(number)
        self._times[start // 8] = 0
        start += _TIME.size
        end = start + self._record.size
        self._record.pack_into(self._memory, start, *values)
        _EDGE.pack_into(self._memory, end, number, zlib.crc32(self._memory[start:end]))
        return number

    def show(self, number: int) -> int:
        """Make the prepared record the current one. Returns the time right before that, of ``time.monotonic_ns()``."""
        now = self._times[self._slot(number) // 8] = time.monotonic_ns()
        self._current[0] = number
        return now

    def read(self) -> tuple[int, tuple[int, ...]]:
        """When the current record was shown, and the record; it is empty if there is none.

        Raises OSError(EIO) if the memory holds something else.
        """
        for _ in range(_TRIES):
            number = self._current[0]
            if number == self._read_number:
                return self._read
            start = self._slot(number)
            slot = bytes(self._memory[start : start + self._size])
            values = slot[_TIME.size : _TIME.size + self._record.size]
            (shown_ns,) = _TIME.unpack_from(slot)
            edge = _EDGE.unpack_from(slot, _TIME.size + len(values))
            if shown_ns and edge == (number, zlib.crc32(values)):
                self._read_number, self._read = number, (shown_ns, self._record.unpack(values))
                return self._read
        raise OSError(errno.EIO, "the shared memory of the simulated guest is damaged")

    def release(self) -> None:
        """Let go of the memory; more calls do nothing."""
        self._current.release()
        self._times.release()
        self._memory.release()

    def _slot(self, number: int) -> int:
        return _HEAD + number % _SLOTS * self._size
