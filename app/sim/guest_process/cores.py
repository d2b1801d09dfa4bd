"""Which processor the guest's process runs on, and which are left to this one.

A guest that shares a core with the program that is measured delays it and is delayed by it. So the guest gets the last
core; interrupts mostly go to the first. This process keeps off that core if two whole cores are left to it: fewer would
slow its drawing (a software renderer uses all cores) more than a guest does that sleeps most of the time.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_LEFT = 2


@dataclass(frozen=True, slots=True)
class CoreChoice:
    """``guest`` is the guest's processor, -1 for any. ``ours`` are those for this process, None for any."""

    guest: int
    ours: frozenset[int] | None


def choose_cores(allowed: frozenset[int], siblings: Callable[[int], frozenset[int]]) -> CoreChoice:
    """Choose among the ``allowed`` processors. ``siblings`` are the processors of one core, hardware threads of it."""
    if len(allowed) < 2:
        return CoreChoice(-1, None)
    guest = max(allowed)
    rest = allowed - siblings(guest) - {guest}
    cores = {siblings(each) | {each} for each in rest}
    return CoreChoice(guest, rest if len(cores) >= _LEFT else None)


def siblings_of(processor: int) -> frozenset[int]:
    """The processors on the same core, from sysfs; only itself if that is not known."""
    try:
        return parse_list(Path(_SIBLINGS.format(processor)).read_text("ascii"))
    except (OSError, ValueError):
        return frozenset((processor,))


def parse_list(text: str) -> frozenset[int]:
    """The numbers of a list of the kernel such as ``0-2,8`` (Documentation/admin-guide/cputopology.rst)."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


class KeptOff:
    """Keeps the threads of this process, and those that they start later, off the guest's core until :meth:`end`.

    A thread that somebody has put on chosen processors stays there. Nothing outside this process changes.
    """

    def __init__(self, choice: CoreChoice) -> None:
        self._before = frozenset(os.sched_getaffinity(0))
        self._ours = choice.ours
        if self._ours is not None:
            _move_threads(self._before, self._ours)

    def end(self) -> None:
        """Allow what was allowed before. More calls do nothing."""
        ours, self._ours = self._ours, None
        if ours is not None:
            _move_threads(ours, self._before)


def _move_threads(before: frozenset[int], after: frozenset[int]) -> None:
    """Allow the processors ``after`` to each thread of this process that may use ``before``."""
    for thread in os.listdir("/proc/self/task"):
        # It may have ended, or a container may have taken the processors away.
        with suppress(OSError):
            if os.sched_getaffinity(int(thread)) == before:
                os.sched_setaffinity(int(thread), after)
