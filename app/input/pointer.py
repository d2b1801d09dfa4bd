"""Converts the pointer's positions, motion and wheel over the picture to those of the guest's pointer.

Target coordinates are device pixels of the window, guest coordinates are pixels of the guest's screen
(app/planes/placement.py).
"""

import math

from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Event, Relative
from app.planes.placement import Placement

NOTCH = 120
"""One notch of a wheel in eighths of a degree, the unit of Qt and the kernel."""

# The pixels of a touchpad that count as one notch, as on desktops (15 degrees in libinput and Qt).
_PIXELS_PER_NOTCH = 15


def device_pixel(position: float, ratio: float) -> float:
    """The middle of the device pixel at ``position`` of the window system, whose unit is ``ratio`` device pixels.

    The middle is used because a point on the edge between two guest pixels could be rounded to either.
    """
    return math.floor(position * ratio + 1e-6) + 0.5


def guest_pixel(placement: Placement, x: float, y: float, *, clamp: bool = False) -> tuple[int, int] | None:
    """The guest's pixel at a target point; None if there is none.

    With ``clamp`` it is the nearest pixel: for a drag that leaves the picture, and for the last motion to its edge.
    """
    if not clamp:
        return placement.guest_pixel(x, y)
    column, row = placement.to_guest(x, y)
    return (_clamp(column, placement.guest_width), _clamp(row, placement.guest_height))


def _clamp(value: float, size: int) -> int:
    return min(max(math.floor(value), 0), size - 1)


def absolute(pixel: tuple[int, int], size: tuple[int, int]) -> tuple[Event, ...]:
    """The tablet position of a guest pixel. ``size`` is the guest's (width, height)."""
    return tuple(
        Absolute(axis, _scale(value, count)) for axis, value, count in zip((Axis.X, Axis.Y), pixel, size, strict=True)
    )


def _scale(value: int, count: int) -> int:
    """The position of pixel ``value`` of ``count`` pixels on an axis of 0 to :data:`ABSOLUTE_MAX`.

    QEMU's windows scale to ``value * ABSOLUTE_MAX // count`` (qemu_input_scale_axis in ui/input.c). The result is
    slightly less than the pixel's left edge. A guest that rounds down, for example with libinput, then mostly shows the
    pointer one pixel too far to the left, and never reaches the last pixel. The middle of a pixel means the same pixel
    in every guest. The first and the last pixel become the ends of the axis, because hot corners are there.
    """
    if value <= 0:
        return 0
    if value >= count - 1:
        return ABSOLUTE_MAX
    return (2 * value + 1) * (ABSOLUTE_MAX + 1) // (2 * count)


class RelativeMotion:
    """Converts motion to whole guest pixels. It adds the fractions of a pixel to the next motion."""

    def __init__(self) -> None:
        self._x = self._y = 0.0

    def move(self, placement: Placement, dx: float, dy: float) -> tuple[Event, ...]:
        """The mouse counts of a motion in target pixels: one count for each guest pixel."""
        start, end = placement.to_guest(0, 0), placement.to_guest(dx, dy)
        self._x += end[0] - start[0]
        self._y += end[1] - start[1]
        # Rounded toward zero, so that small motion to and fro does not drift.
        x, y = int(self._x), int(self._y)
        self._x -= x
        self._y -= y
        return tuple(Relative(axis, value) for axis, value in ((Axis.X, x), (Axis.Y, y)) if value)

    def reset(self) -> None:
        """Forget the fractions."""
        self._x = self._y = 0.0


class Wheel:
    """Adds up the fine steps of a wheel or touchpad to notches, the smallest step of a guest's mouse."""

    def __init__(self) -> None:
        self._x = self._y = 0

    def turn(self, x: int, y: int) -> tuple[Button, ...]:
        """Turn by eighths of a degree, positive up and to the left. Returns the notches that are complete now."""
        self._x, across = _notches(self._x, x)
        self._y, up = _notches(self._y, y)
        vertical = Button.WHEEL_UP if up > 0 else Button.WHEEL_DOWN
        horizontal = Button.WHEEL_LEFT if across > 0 else Button.WHEEL_RIGHT
        return (vertical,) * abs(up) + (horizontal,) * abs(across)

    def scroll(self, x: int, y: int) -> tuple[Button, ...]:
        """Turn by a motion in pixels, for devices that give no angle."""
        return self.turn(x * NOTCH // _PIXELS_PER_NOTCH, y * NOTCH // _PIXELS_PER_NOTCH)


def _notches(rest: int, turned: int) -> tuple[int, int]:
    """The new remainder and the complete notches. The old remainder is dropped when the direction changes."""
    total = rest + turned if rest * turned >= 0 else turned
    notches = int(total / NOTCH)
    return total - notches * NOTCH, notches
