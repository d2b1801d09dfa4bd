"""What a guest's process and its parent share: the state of the display engine, the wanted mode, and the last flips."""

import mmap
import os
from typing import NamedTuple

from app.sim.guest.guest import Flip
from app.sim.guest_process.published import Published

# The flips of the last 32 seconds at 1000 flips a second.
FLIPS_KEPT = 1 << 15


class DisplayState(NamedTuple):
    """What the display engine shows.

    ``messages`` is how many messages the guest's process had sent. ``flips`` counts the flips, ``flip`` is the number
    of the picture. ``flip_ns`` is when it was flipped to, in nanoseconds of ``time.monotonic_ns()``; 0 if that is the
    time at which this record was shown. ``memory`` and ``cursor_memory`` are numbers of memories, 0 for none.
    """

    messages: int
    flips: int
    flip: int
    flip_ns: int
    memory: int
    place: int
    width: int
    height: int
    stride: int
    size: int
    cursor_memory: int
    cursor_x: int
    cursor_y: int


class WantedMode(NamedTuple):
    """The preferred mode of the monitor that was plugged in last."""

    width: int
    height: int


_STATE = "=4Q7I2i"
_WANTED = "=2I"
_FLIP_WORDS = 3


class SharedState:
    """Owns a mapping of the memory of ``fd``, which stays the caller's."""

    def __init__(self, fd: int) -> None:
        self._mapping = mmap.mmap(fd, _size())
        self._whole = memoryview(self._mapping)
        start = Published.size(_STATE)
        end = start + Published.size(_WANTED)
        self._state = Published(self._whole, _STATE)
        self._wanted = Published(self._whole[start:end], _WANTED)
        self._flips = FlipRing(self._whole[end:])

    @staticmethod
    def create() -> int:
        """The fd of new memory. Raises OSError."""
        fd = os.memfd_create("mdevview-sim-state", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, _size())
        except BaseException:
            os.close(fd)
            raise
        return fd

    @property
    def state(self) -> Published:
        """The records of the guest's process, to be unpacked by :class:`DisplayState`."""
        return self._state

    @property
    def wanted(self) -> Published:
        """The records of the parent, to be unpacked by :class:`WantedMode`."""
        return self._wanted

    @property
    def flips(self) -> "FlipRing":
        return self._flips

    def close(self) -> None:
        """Unmap the memory; more calls do nothing."""
        self._state.release()
        self._wanted.release()
        self._flips.release()
        self._whole.release()
        self._mapping.close()


class FlipRing:
    """The last flips, written by the guest's process. ``memory`` is zero at first."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory[: self.size()]
        self._words = self._memory.cast("q")

    @staticmethod
    def size() -> int:
        """The bytes of memory that it needs."""
        return 8 * (1 + FLIPS_KEPT * _FLIP_WORDS)

    @property
    def count(self) -> int:
        """The number of all flips, also of those that are no longer kept."""
        return self._words[0]

    def add(self, flip: Flip) -> None:
        words, count = self._words, self._words[0]
        start = self._start(count)
        words[start], words[start + 1], words[start + 2] = flip
        words[0] = count + 1

    def last(self) -> list[Flip]:
        """The flips that are kept, the oldest first."""
        count = self._words[0]
        flips = []
        for number in range(max(0, count - FLIPS_KEPT), count):
            start = self._start(number)
            flips.append(Flip(*self._words[start : start + _FLIP_WORDS]))
        # The writer may have come round to the oldest ones meanwhile, and be in the middle of another.
        overwritten = self._words[0] + 1 - FLIPS_KEPT - max(0, count - FLIPS_KEPT)
        return flips[max(0, overwritten) :]

    def release(self) -> None:
        """Let go of the memory; more calls do nothing."""
        self._words.release()
        self._memory.release()

    @staticmethod
    def _start(number: int) -> int:
        return 1 + number % FLIPS_KEPT * _FLIP_WORDS


def _size() -> int:
    return Published.size(_STATE) + Published.size(_WANTED) + FlipRing.size()
