"""From a pointer over the picture to the guest's: places, ways and the wheel.

Target coordinates are device pixels of the window, guest coordinates pixels of its picture (app/planes/placement.py).
"""

import math

from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Event, Relative
from app.planes.placement import Placement

NOTCH = 120
"""What a wheel's notch is in eighths of a degree: Qt's and the kernel's unit."""

# A touchpad's way in pixels that is worth a notch, as desktops have it (libinput's and Qt's 15 degrees).
_PIXELS_PER_NOTCH = 15


def device_pixel(position: float, ratio: float) -> float:
    """The middle of the device pixel at a window system's ``position``, which counts in units of ``ratio`` pixels.

    The middle, because a place on the edge between two guest pixels would be either's, as rounding has it.
    """
    return math.floor(position * ratio + 1e-6) + 0.5


def guest_pixel(placement: Placement, x: float, y: float, *, clamp: bool = False) -> tuple[int, int] | None:
    """The guest's pixel at a target point; None where there is none to be seen.

    ``clamp`` gives the nearest pixel instead, for a drag that leaves the picture and for the last step to its edge.
    """
    if not clamp:
        return placement.guest_pixel(x, y)
    column, row = placement.to_guest(x, y)
    return (_clamp(column, placement.guest_width), _clamp(row, placement.guest_height))


def _clamp(value: float, size: int) -> int:
    return min(max(math.floor(value), 0), size - 1)


def absolute(pixel: tuple[int, int], size: tuple[int, int]) -> tuple[Event, ...]:
    """A guest pixel as a tablet's place, for a guest of ``size`` = (width, height) pixels."""
    return tuple(
        Absolute(axis, _scale(value, count)) for axis, value, count in zip((Axis.X, Axis.Y), pixel, size, strict=True)
    )


def _scale(value: int, count: int) -> int:
    """A pixel among ``count`` on an axis of 0 to :data:`ABSOLUTE_MAX`.

    QEMU scales ``value * ABSOLUTE_MAX // count`` (qemu_input_scale_axis in ui/input.c, as its windows call it), which
    is the pixel's upper left corner, a bit above it: a guest that rounds down, as libinput does, shows its pointer one
    pixel too far to the left on most places and never reaches the last one. The middle of the pixel is the same pixel
    in every guest, and the first and the last are the ends of the axis, which is where hot corners are.
    """
    if value <= 0:
        return 0
    if value >= count - 1:
        return ABSOLUTE_MAX
    return (2 * value + 1) * (ABSOLUTE_MAX + 1) // (2 * count)


class Motion:
    """Relative motion in guest pixels. What is less than a pixel is kept for the next time."""

    def __init__(self) -> None:
        self._x = self._y = 0.0

    def move(self, placement: Placement, dx: float, dy: float) -> tuple[Event, ...]:
        """A way in target pixels as a mouse's counts, one to a guest pixel."""
        start, end = placement.to_guest(0, 0), placement.to_guest(dx, dy)
        self._x += end[0] - start[0]
        self._y += end[1] - start[1]
        # Toward zero, so that a hand that trembles does not wander off to one side.
        x, y = int(self._x), int(self._y)
        self._x -= x
        self._y -= y
        return tuple(Relative(axis, value) for axis, value in ((Axis.X, x), (Axis.Y, y)) if value)

    def reset(self) -> None:
        """Forget the rest: the next motion is another one."""
        self._x = self._y = 0.0


class Wheel:
    """A wheel or touchpad, which turns as finely as it likes, in notches: a guest's mouse knows no less."""

    def __init__(self) -> None:
        self._x = self._y = 0

    def turn(self, x: int, y: int) -> tuple[Button, ...]:
        """By so many eighths of a degree, up and to the left being positive; the notches that are full by now."""
        self._x, across = _notches(self._x, x)
        self._y, up = _notches(self._y, y)
        vertical = Button.WHEEL_UP if up > 0 else Button.WHEEL_DOWN
        horizontal = Button.WHEEL_LEFT if across > 0 else Button.WHEEL_RIGHT
        return (vertical,) * abs(up) + (horizontal,) * abs(across)

    def scroll(self, x: int, y: int) -> tuple[Button, ...]:
        """The same for a way in pixels, where that is all there is."""
        return self.turn(x * NOTCH // _PIXELS_PER_NOTCH, y * NOTCH // _PIXELS_PER_NOTCH)


def _notches(rest: int, turned: int) -> tuple[int, int]:
    """The new rest and the full notches. Another direction begins anew, or its first notch would come late."""
    total = rest + turned if rest * turned >= 0 else turned
    notches = int(total / NOTCH)
    return total - notches * NOTCH, notches
