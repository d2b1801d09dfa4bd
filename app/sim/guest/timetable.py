"""When the events of a guest are due: flips, faults and changes of the mode. Pure, on an injected clock."""

import math
from collections.abc import Callable

from app.sim.config.spec import Spec
from app.sim.guest.cursor import next_move_ns

_SECOND = 1_000_000_000

# Faults that a buffer keeps until it is freed. During such a fault the guest uses other framebuffers, and afterwards
# the old ones again: the picture returns, and the number of buffers does not grow.
_STICKY = ("truncated", "read-only", "stale", "unaligned")
_FAULTS_SHIFT = 48


def had_fault(address: int, fault: str) -> bool:
    """Whether the sticky fault was active when the guest got the address of a framebuffer."""
    return bool(address >> _FAULTS_SHIFT >> _STICKY.index(fault) & 1)


class Timetable:
    """The events of a guest that was opened at ``opened_ns`` of ``clock``, both in nanoseconds."""

    def __init__(self, spec: Spec, clock: Callable[[], int], opened_ns: int) -> None:
        self._spec = spec
        self._clock = clock
        self.opened_ns = opened_ns

    def now(self) -> int:
        """Nanoseconds since the opening of the device."""
        return self._clock() - self.opened_ns

    def active(self, fault: str) -> bool:
        """Whether the fault is active now."""
        if not self._spec.faults:
            return False
        now = self.now()
        return any(each.name == fault and each.active(now) for each in self._spec.faults)

    @property
    def off(self) -> bool:
        """Whether a fault turns the display off now."""
        return self.active("off") or self.active("never-on")

    def mode(self, chosen: tuple[int, int]) -> tuple[int, int]:
        """Width and height now, of a guest that was set to ``chosen``."""
        width, height = chosen
        if not self.active("mode"):
            return width, height
        return max(64, width * 3 // 4), max(64, height * 3 // 4)

    def address(self, place: int) -> int:
        """The address of the framebuffer at ``place`` of guest memory. It is different during each sticky fault."""
        faults = 0
        for bit, name in enumerate(_STICKY):
            faults |= self.active(name) << bit
        return faults << _FAULTS_SHIFT | place

    def due_ns(self, flip: int) -> int:
        """When flip number ``flip`` is due, in nanoseconds since the opening."""
        return math.ceil(flip * _SECOND / self._spec.fps) if flip else 0

    def flip_at(self, now: int) -> int:
        """The flip that is on the screen. The quotient may be wrong by one, so the due times decide."""
        if not self._spec.fps:
            return 0
        for each in self._spec.faults:
            if each.name == "frozen" and each.active(now):
                now = each.began_ns(now)
        flip = int(now * self._spec.fps / _SECOND)
        while flip and self.due_ns(flip) > now:
            flip -= 1
        while self.due_ns(flip + 1) <= now:
            flip += 1
        return flip

    def next_event_ns(self, now: int) -> int | None:
        """When the next flip, move of the cursor or begin or end of a fault is due after ``now``; None for never."""
        due = [each for each in (fault.next_change_ns(now) for fault in self._spec.faults) if each is not None]
        if self._spec.fps:
            flip_ns = self.due_ns(self.flip_at(now) + 1)
            # While the guest is frozen, the time of its next flip is past.
            if flip_ns > now:
                due.append(flip_ns)
            if self._spec.cursor:
                due.append(next_move_ns(now, self._spec.fps))
        return min(due, default=None)
