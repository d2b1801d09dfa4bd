"""The mode for a window: as large as it is, as far as the device can."""

from app.edid.detailed import MAX_ACTIVE
from app.edid.make import timing_for
from app.edid.mode import BLOCK, DEFAULT_HZ, MAX_EDGE, Limits, Mode

# Smaller, and desktops cannot be used to make it larger again.
LEAST_WIDTH = 320
LEAST_HEIGHT = 200

# CVT counts in cells of eight pixels, and so do guests whose driver sets modes through the Bochs display interface
# (QEMU, hw/display/vga.c); some formats share a value between two pixels or two lines.
_CELL = 8
_LINES = 2

# Tried in turn where the clock of the mode is beyond what an EDID of the device holds.
_RATES = (DEFAULT_HZ, 50.0, 30.0, 24.0)


def fitting_mode(width: int, height: int, limits: Limits, refresh_hz: float = DEFAULT_HZ) -> Mode | None:
    """The mode that fills ``width`` x ``height`` pixels best; None where the device can have none.

    A window larger than the limits gets the largest mode of its shape, so that it is filled all the same.
    """
    most = MAX_ACTIVE if limits.max_size < 2 * BLOCK else MAX_EDGE
    most_width, most_height = min(most, limits.max_width or most), min(most, limits.max_height or most)
    scale = min(1.0, most_width / width, most_height / height)
    size = (
        _rounded(width * scale, _CELL, LEAST_WIDTH, most_width),
        _rounded(height * scale, _LINES, LEAST_HEIGHT, most_height),
    )
    for rate in (refresh_hz, *(each for each in _RATES if each < refresh_hz)):
        mode = Mode(*size, rate)
        try:
            timing_for(mode, limits)
        except ValueError:
            continue
        return mode
    return None


def _rounded(value: float, unit: int, least: int, most: int) -> int:
    """Down to whole units, but not below ``least`` where ``most`` allows it."""
    return max(int(min(value, most)) // unit * unit, min(least, most))
