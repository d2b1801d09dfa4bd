"""Shared memory between one process that writes and one that reads, without locks. Neither ever waits for the other.

A record is written into a free slot. One store of eight bytes, the record's number, then makes it the current one (as
the second half of a seqlock does). The reader reads the number, then the slot, and reads again if the writer has come
round to that slot meanwhile. So a writer that stops or dies in the middle of a write leaves the record before.

Python has no memory barriers. On x86 stores become visible in their order. Elsewhere they may not, so each record also
holds its number and a check sum: a record of which a part is not visible yet is read again.
"""

import errno
import struct
import zlib

_SLOTS = 64
_HEAD = 64
_EDGE = struct.Struct("=QI")
# A reader meets a write only if it was stopped for as long as the writer takes for all slots.
_TRIES = 1000


class Published:
    """The current record of a fixed format, at the start of ``memory``, which is zero at first. One process writes.

    Before the first :meth:`publish` there is no record.
    """

    def __init__(self, memory: memoryview, layout: str) -> None:
        self._record = struct.Struct(layout)
        self._size = self.slot_size(layout)
        self._memory = memory[: self.size(layout)]
        # An item of this view is loaded and stored in one instruction, unlike with struct.
        self._current = self._memory[:8].cast("Q")
        self._read_number = 0
        self._read: tuple[int, ...] = ()

    @staticmethod
    def slot_size(layout: str) -> int:
        return -(-(struct.calcsize(layout) + _EDGE.size) // 64) * 64

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
        self._record.pack_into(self._memory, start, *values)
        end = start + self._record.size
        _EDGE.pack_into(self._memory, end, number, zlib.crc32(self._memory[start:end]))
        return number

    def show(self, number: int) -> None:
        """Make the prepared record the current one: one store."""
        self._current[0] = number

    def publish(self, *values: int) -> None:
        """Write the next record and make it the current one."""
        self.show(self.prepare(*values))

    def read(self) -> tuple[int, ...]:
        """The current record; empty if there is none. Raises OSError(EIO) if the memory holds something else."""
        for _ in range(_TRIES):
            number = self._current[0]
            if number == self._read_number:
                return self._read
            start = self._slot(number)
            record = bytes(self._memory[start : start + self._record.size + _EDGE.size])
            values = record[: self._record.size]
            if _EDGE.unpack_from(record, self._record.size) == (number, zlib.crc32(values)):
                self._read_number, self._read = number, self._record.unpack(values)
                return self._read
        raise OSError(errno.EIO, "the shared memory of the simulated guest is damaged")

    def release(self) -> None:
        """Let go of the memory; more calls do nothing."""
        self._current.release()
        self._memory.release()

    def _slot(self, number: int) -> int:
        return _HEAD + number % _SLOTS * self._size
