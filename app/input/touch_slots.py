"""Numbers the fingers on a touch screen for a guest, and ends each touch that was begun."""

from app.input.event import Event, Touch, TouchKind

MOST_FINGERS = 10
"""As many as QEMU tells apart (INPUT_EVENT_SLOTS_MAX in include/ui/input.h). Further ones are ignored."""

Place = tuple[float, float]
"""A position as a part of the guest's screen, 0 to 1."""


class TouchSlots:
    """Fingers by the numbers of the window system. Methods return the events to send, ``()`` for none."""

    def __init__(self) -> None:
        self._fingers: dict[int, tuple[int, Place]] = {}

    def __len__(self) -> int:
        return len(self._fingers)

    def begin(self, finger: int, place: Place) -> tuple[Event, ...]:
        """A finger touches the guest's screen."""
        ended = self._end(finger, TouchKind.CANCEL)
        used = {slot for slot, _ in self._fingers.values()}
        slot = next((each for each in range(MOST_FINGERS) if each not in used), None)
        if slot is None:
            return ended
        self._fingers[finger] = (slot, place)
        return (*ended, Touch(TouchKind.BEGIN, slot, *place))

    def move(self, finger: int, place: Place) -> tuple[Event, ...]:
        """A finger moved. None if its touch did not begin in the guest, or if it is where it was."""
        if finger not in self._fingers:
            return ()
        slot, before = self._fingers[finger]
        if place == before:
            return ()
        self._fingers[finger] = (slot, place)
        return (Touch(TouchKind.UPDATE, slot, *place),)

    def end(self, finger: int) -> tuple[Event, ...]:
        """A finger was lifted, where it was last."""
        return self._end(finger, TouchKind.END)

    def cancel(self) -> tuple[Event, ...]:
        """No finger touches the guest any more, and none of the touches means anything."""
        return tuple(event for finger in tuple(self._fingers) for event in self._end(finger, TouchKind.CANCEL))

    def _end(self, finger: int, kind: TouchKind) -> tuple[Event, ...]:
        if finger not in self._fingers:
            return ()
        slot, place = self._fingers.pop(finger)
        return (Touch(kind, slot, *place),)
