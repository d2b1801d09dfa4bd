"""Input events as method calls of a console of QEMU's D-Bus display (ui/dbus-display1.xml, ui/dbus-console.c)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.dbus_display.wire.names import KEYBOARD, MOUSE, MULTI_TOUCH
from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind
from app.input.qnum import qnum

# QEMU aborts at a number that is not one of its InputButton (an assertion in qapi_enum_lookup()): these, and no others.
BUTTON_NUMBERS = {
    Button.LEFT: 0,
    Button.MIDDLE: 1,
    Button.RIGHT: 2,
    Button.WHEEL_UP: 3,
    Button.WHEEL_DOWN: 4,
    Button.SIDE: 5,
    Button.EXTRA: 6,
    Button.WHEEL_LEFT: 7,
    Button.WHEEL_RIGHT: 8,
}
_TOUCH_KINDS = {TouchKind.BEGIN: 0, TouchKind.UPDATE: 1, TouchKind.END: 2, TouchKind.CANCEL: 3}
_INT32_MAX = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class InputCall:
    """A method call of a console."""

    interface: str
    member: str
    signature: str
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ConsoleInput:
    """What a console tells about its input. ``size`` is in pixels, None if it is not known.

    ``absolute`` tells which kind of motion the guest takes, None if that is not known. ``slots`` is how many fingers
    its touch screen tells apart.
    """

    size: tuple[int, int] | None = None
    absolute: bool | None = None
    slots: int = 0


def console_input(console: Mapping[str, Any], mouse: Mapping[str, Any], touch: Mapping[str, Any]) -> ConsoleInput:
    """The facts in the properties of a console. What is missing or invalid is not known."""
    width, height = _count(console.get("Width")), _count(console.get("Height"))
    absolute = mouse.get("IsAbsolute")
    return ConsoleInput(
        (width, height) if width and height else None,
        absolute if isinstance(absolute, bool) else None,
        _count(touch.get("MaxSlots")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _INT32_MAX else 0


class InputCalls:
    """Makes calls from batches of events. It remembers the position of an axis that a batch does not move."""

    def __init__(self) -> None:
        self._position = {Axis.X: 0, Axis.Y: 0}

    def of(self, batch: Sequence[Event], console: ConsoleInput) -> list[InputCall]:
        """The calls for ``batch``, in its order. Input of a kind that the console does not take is left out.

        Motion becomes one call, which comes where the batch has its first motion.
        """
        calls: list[InputCall] = []
        moved = False
        for event in batch:
            match event:
                case Key(name, down):
                    number = qnum(name)
                    if number is not None:
                        calls.append(InputCall(KEYBOARD, "Press" if down else "Release", "u", (number,)))
                case Press(button, down):
                    member = "Press" if down else "Release"
                    calls.append(InputCall(MOUSE, member, "u", (BUTTON_NUMBERS[button],)))
                case Touch():
                    calls += _touch(event, console)
                case Absolute() | Relative() if not moved:
                    moved = True
                    calls += self._motion(batch, console)
        return calls

    def _motion(self, batch: Sequence[Event], console: ConsoleInput) -> list[InputCall]:
        for event in batch:
            if isinstance(event, Absolute):
                self._position[event.axis] = event.value
        calls = []
        if any(isinstance(each, Absolute) for each in batch) and console.size is not None and console.absolute:
            place = zip((Axis.X, Axis.Y), console.size, strict=True)
            position = tuple(_pixel(self._position[axis], count) for axis, count in place)
            calls.append(InputCall(MOUSE, "SetAbsPosition", "uu", position))
        if any(isinstance(each, Relative) for each in batch) and not console.absolute:
            sums = dict.fromkeys((Axis.X, Axis.Y), 0)
            for event in batch:
                if isinstance(event, Relative):
                    sums[event.axis] += event.value
            motion = tuple(max(-_INT32_MAX, min(_INT32_MAX, each)) for each in sums.values())
            calls.append(InputCall(MOUSE, "RelMotion", "ii", motion))
        return calls


def _pixel(value: int, count: int) -> int:
    """The pixel of ``count`` pixels at a position on an axis. QEMU refuses a pixel outside the console."""
    return max(0, min(value, ABSOLUTE_MAX)) * count // (ABSOLUTE_MAX + 1)


def _touch(event: Touch, console: ConsoleInput) -> list[InputCall]:
    if console.size is None or not 0 <= event.slot < console.slots:
        return []
    # A position is a point between the pixels here, and the last one is still inside.
    x, y = (
        max(0.0, min(part * count, count - 1.0)) for part, count in zip((event.x, event.y), console.size, strict=True)
    )
    return [InputCall(MULTI_TOUCH, "SendEvent", "utdd", (_TOUCH_KINDS[event.kind], event.slot, x, y))]
