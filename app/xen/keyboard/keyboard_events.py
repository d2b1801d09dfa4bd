"""Input events as events of a guest's PV keyboard (``include/xen/interface/io/kbdif.h``).

Linux's front end gives a position on to the guest's programs as it is, on an axis from 0 to the width or height that
it found in the backend's nodes, both ends included (``drivers/input/misc/xen-kbdfront.c``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind
from app.input.keys import QCODES, key_code
from app.xen.abi.kbdif import (
    XENKBD_MT_EV_DOWN,
    XENKBD_MT_EV_MOTION,
    XENKBD_MT_EV_SYN,
    XENKBD_MT_EV_UP,
    XENKBD_TYPE_KEY,
    XENKBD_TYPE_MOTION,
    XENKBD_TYPE_MTOUCH,
    XENKBD_TYPE_POS,
    xenkbd_in_event,
)

_BUTTONS = {Button.LEFT: 0x110, Button.RIGHT: 0x111, Button.MIDDLE: 0x112, Button.SIDE: 0x113, Button.EXTRA: 0x114}
"""BTN_* of linux/input-event-codes.h."""

ALL_RELEASES: tuple[Event, ...] = (
    *(Press(each, False) for each in _BUTTONS),
    *(Key(each, False) for each in sorted(QCODES)),
)
"""Linux ignores the release of a key that is not pressed (input_get_disposition() in drivers/input/input.c)."""

_NOTCHES = {Button.WHEEL_UP: -1, Button.WHEEL_DOWN: 1}
"""As ``rel_z``. The protocol has no horizontal wheel."""

_TOUCHES = {
    TouchKind.BEGIN: XENKBD_MT_EV_DOWN,
    TouchKind.UPDATE: XENKBD_MT_EV_MOTION,
    TouchKind.END: XENKBD_MT_EV_UP,
    TouchKind.CANCEL: XENKBD_MT_EV_UP,
}
_INT32_MAX = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class GuestPointer:
    """The pointer of the guest. ``absolute`` holds the last value of each axis, None if it takes motion.

    ``touch`` is the same for its touch screen, which tells ``contacts`` fingers apart; None and 0 if it has none.
    ``present``: False where the toolstack's configuration has no pointer.
    """

    absolute: tuple[int, int] | None = None
    touch: tuple[int, int] | None = None
    contacts: int = 0
    present: bool = True


class KeyboardEvents:
    """Makes events of the protocol from batches of events. It remembers the position where the pointer is."""

    def __init__(self) -> None:
        self._position: dict[Axis, int] = {}

    def of(self, batch: Sequence[Event], pointer: GuestPointer) -> list[bytes]:
        """The events for ``batch`` in its order. Input of a kind that the guest does not take is left out.

        Motion becomes one event, which comes where the batch has its first motion.
        """
        events: list[bytes] = []
        moved = touched = False
        for event in batch:
            match event:
                case Key(name, down):
                    code = key_code(name)
                    if code is not None:
                        events.append(_key(code, down))
                case Press(button, down) if pointer.present:
                    if button in _BUTTONS:
                        events.append(_key(_BUTTONS[button], down))
                    elif button in _NOTCHES and down:
                        events.append(self._wheel(_NOTCHES[button], pointer))
                case Touch() if pointer.touch is not None and 0 <= event.slot < pointer.contacts:
                    events.append(_touch(event, pointer.touch))
                    touched = True
                case Absolute() | Relative() if pointer.present and not moved:
                    moved = True
                    events += self._motion(batch, pointer)
        if touched:
            events.append(_touch_end())
        return events

    def _motion(self, batch: Sequence[Event], pointer: GuestPointer) -> list[bytes]:
        absolute = [each for each in batch if isinstance(each, Absolute)]
        self._position |= {each.axis: each.value for each in absolute}
        if pointer.absolute is not None:
            return [self._at_position(pointer.absolute)] if absolute else []
        sums = dict.fromkeys((Axis.X, Axis.Y), 0)
        for each in batch:
            if isinstance(each, Relative):
                sums[each.axis] += each.value
        return [_moved(sums[Axis.X], sums[Axis.Y])] if any(sums.values()) else []

    def _wheel(self, notches: int, pointer: GuestPointer) -> bytes:
        if pointer.absolute is not None and len(self._position) == len(Axis):
            return self._at_position(pointer.absolute, notches)
        # The pointer stays where it is: nobody has told a position.
        return _moved(0, 0, notches)

    def _at_position(self, last: tuple[int, int], notches: int = 0) -> bytes:
        event = xenkbd_in_event(type=XENKBD_TYPE_POS)
        event.pos.abs_x = on_axis(self._position.get(Axis.X, 0) / (ABSOLUTE_MAX + 1), last[0])
        event.pos.abs_y = on_axis(self._position.get(Axis.Y, 0) / (ABSOLUTE_MAX + 1), last[1])
        event.pos.rel_z = notches
        return bytes(event)


def on_axis(part: float, last: int) -> int:
    """The value from 0 to ``last`` for a part (0 to 1) of an axis.

    A guest with libinput shows value ``v`` at pixel ``v * pixels // (last + 1)``. Where ``last`` is the number of
    pixels, pixel 5 needs value 6: value 5 is shown at pixel 4.
    """
    return min(int(part * last) + 1, last) if part > 0 else 0


def _key(code: int, down: bool) -> bytes:
    event = xenkbd_in_event(type=XENKBD_TYPE_KEY)
    event.key.pressed = down
    event.key.keycode = code
    return bytes(event)


def _moved(x: int, y: int, notches: int = 0) -> bytes:
    event = xenkbd_in_event(type=XENKBD_TYPE_MOTION)
    event.motion.rel_x, event.motion.rel_y = (max(-_INT32_MAX, min(each, _INT32_MAX)) for each in (x, y))
    event.motion.rel_z = notches
    return bytes(event)


def _touch(touch: Touch, last: tuple[int, int]) -> bytes:
    event = xenkbd_in_event(type=XENKBD_TYPE_MTOUCH)
    event.mtouch.event_type = _TOUCHES[touch.kind]
    event.mtouch.contact_id = touch.slot
    if touch.kind in (TouchKind.BEGIN, TouchKind.UPDATE):
        event.mtouch.u.pos.abs_x = on_axis(touch.x, last[0])
        event.mtouch.u.pos.abs_y = on_axis(touch.y, last[1])
    return bytes(event)


def _touch_end() -> bytes:
    """The fingers above belong together."""
    event = xenkbd_in_event(type=XENKBD_TYPE_MTOUCH)
    event.mtouch.event_type = XENKBD_MT_EV_SYN
    return bytes(event)
