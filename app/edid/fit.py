"""Chooses the mode for a window: the window's size, within the limits of the device."""

from app.edid.detailed import MAX_ACTIVE
from app.edid.make import timing_for
from app.edid.mode import BLOCK, DEFAULT_HZ, MAX_EDGE, Limits, Mode

# A smaller desktop is too small to change the resolution in it again.
LEAST_WIDTH = 320
LEAST_HEIGHT = 200

# CVT needs multiples of eight pixels, and so do guests that set modes through the Bochs display interface (QEMU,
# hw/display/vga.c). In some formats two pixels or two lines share a value.
_CELL = 8
_LINES = 2

# These rates are tried in this order if the EDID cannot hold the pixel clock of the mode.
_RATES = (DEFAULT_HZ, 50.0, 30.0, 24.0)


def fitting_mode(width: int, height: int, limits: Limits, refresh_hz: float = DEFAULT_HZ) -> Mode | None:
    """The mode that fills ``width`` x ``height`` pixels best; None if the device allows none.

    A window larger than the limits gets the largest mode of its aspect ratio, so that the picture still fills it.
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
    """``value`` rounded down to whole units, but not below ``least`` if ``most`` allows that."""
    return max(int(min(value, most)) // unit * unit, min(least, most))
