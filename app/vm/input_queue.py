"""Queues input for a slow VM. Motion is merged, also that of fingers; nothing else is lost, and the order is kept.

The commands suit QEMU's ``input-send-event`` (ui/input.c and the devices in hw/input). The pointer reports once, after
all events of a command. So a position and the press at that position belong in one command; the press and the release
of a button do not. No key may follow motion in a command, because the guest would get the key first.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from app.input.event import Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind

# A guest needs some milliseconds to read a key, and a keyboard's buffer is small: 16 events in usb-kbd, 16 bytes in
# PS/2 (a key takes up to 6). Events that arrive while it is full are lost, even releases.
KEYS_AT_ONCE = 4
KEY_BURST = 8
KEY_INTERVAL_NS = 10_000_000
_WHEEL = (Button.WHEEL_UP, Button.WHEEL_DOWN, Button.WHEEL_LEFT, Button.WHEEL_RIGHT)

_Motion = dict[tuple[type[Absolute] | type[Relative], Axis], int]


class InputQueue:
    """Keys, buttons and touches in order. Between two of them is one motion: the newest position, or the sum of
    relative motion. Of a finger's motion between two other events only the last one is kept.

    Not thread-safe.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._waiting: deque[Key | Press | Touch | _Motion] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, events: Sequence[Event]) -> bool:
        """Add events. Returns False and adds none if they exceed the limit."""
        if len(self._waiting) + len(events) > self._limit and not all(_is_motion(each) for each in events):
            return False
        for event in events:
            if isinstance(event, Key | Press):
                self._waiting.append(event)
            elif isinstance(event, Touch):
                self._touch(event)
            else:
                self._move(event)
        return True

    def take(self) -> tuple[Event, ...]:
        """The events of the next command; empty if none wait."""
        if not self._waiting:
            return ()
        if isinstance(self._waiting[0], Key):
            return tuple(self._keys())
        if isinstance(self._waiting[0], Touch):
            return tuple(self._touches())
        batch: list[Event] = []
        if isinstance(self._waiting[0], dict):
            batch += [kind(axis, value) for (kind, axis), value in self._pop_motion().items()]
        batch += self._button()
        return tuple(batch)

    def clear(self) -> None:
        self._waiting.clear()

    def _move(self, event: Absolute | Relative) -> None:
        if not self._waiting or not isinstance(motion := self._waiting[-1], dict):
            motion = {}
            self._waiting.append(motion)
        axis = (type(event), event.axis)
        motion[axis] = event.value + (motion.get(axis, 0) if isinstance(event, Relative) else 0)

    def _touch(self, event: Touch) -> None:
        """Add it, or put it in the place of the motion of the same finger that nothing else follows."""
        if event.kind is TouchKind.UPDATE:
            for index in reversed(range(len(self._waiting))):
                before = self._waiting[index]
                if not isinstance(before, Touch) or before.kind is not TouchKind.UPDATE:
                    break
                if before.slot == event.slot:
                    self._waiting[index] = event
                    return
        self._waiting.append(event)

    def _pop_motion(self) -> _Motion:
        motion = self._waiting.popleft()
        assert isinstance(motion, dict)
        return motion

    def _keys(self) -> list[Key]:
        keys: list[Key] = []
        while self._waiting and isinstance(key := self._waiting[0], Key) and len(keys) < KEYS_AT_ONCE:
            keys.append(key)
            self._waiting.popleft()
        return keys

    def _touches(self) -> list[Touch]:
        touches: list[Touch] = []
        while self._waiting and isinstance(touch := self._waiting[0], Touch):
            touches.append(touch)
            self._waiting.popleft()
        return touches

    def _button(self) -> list[Press]:
        """The next button. The release of a wheel button, which the guest does not see, comes with its press."""
        presses: list[Press] = []
        while self._waiting and isinstance(press := self._waiting[0], Press):
            if presses and press != Press(presses[0].button, False):
                break
            presses.append(press)
            self._waiting.popleft()
            if press.button not in _WHEEL or not press.down:
                break
        return presses


class KeyRateLimit:
    """Limits the rate of keys, so that the buffer of the guest's keyboard does not overflow. Times are nanoseconds."""

    def __init__(self) -> None:
        # When the guest will have read all keys, if it reads one in each interval.
        self._drained_at = 0

    def delay(self, batch: Sequence[Event], now: int) -> int:
        """The time until ``batch`` may be sent. If it is 0, the batch counts as sent now."""
        count = sum(isinstance(each, Key) for each in batch)
        if not count:
            return 0
        drained_at = max(self._drained_at, now) + count * KEY_INTERVAL_NS
        delay = drained_at - now - KEY_BURST * KEY_INTERVAL_NS
        if delay > 0:
            return delay
        self._drained_at = drained_at
        return 0


class SentPresses:
    """The keys, buttons and fingers that may be pressed in the guest."""

    def __init__(self) -> None:
        self._down: dict[Event, None] = {}

    def start(self, batch: Sequence[Event]) -> None:
        """The batch is about to be sent. What it presses counts as pressed, and what it releases still does."""
        for event in batch:
            if _starts(event) and (end := _end(event)) is not None:
                self._down[end] = None

    def finish(self, batch: Sequence[Event]) -> None:
        """The VM has answered the batch."""
        for event in batch:
            end = _end(event)
            if end is None:
                continue
            if _starts(event):
                self._down[end] = None
            else:
                self._down.pop(end, None)

    def releases(self) -> tuple[Event, ...]:
        """The events that release all of them."""
        return tuple(self._down)


def _is_motion(event: Event) -> bool:
    return isinstance(event, Absolute | Relative)


def _starts(event: Event) -> bool:
    """Whether the event presses something, or puts a finger down."""
    match event:
        case Key() | Press():
            return event.down
        case Touch():
            return event.kind is TouchKind.BEGIN
    return False


def _end(event: Event) -> Event | None:
    """The event that releases what this one presses or releases. None for motion."""
    match event:
        case Key() | Press():
            return replace(event, down=False)
        case Touch() if event.kind is not TouchKind.UPDATE:
            return Touch(TouchKind.CANCEL, event.slot, 0.0, 0.0)
    return None
