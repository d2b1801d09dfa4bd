"""Video timings, and how VESA CVT computes them with reduced blanking (CVT 1.2, versions 1 and 2).

A vGPU sends no signal, so two things may differ from CVT. The pixel clock is rounded to 10 kHz, the unit of an EDID;
CVT rounds down to 250 kHz, which turns 60 Hz into 59.93 Hz. And very small modes get more blanking, so that the clock
is at least 10 MHz and the refresh rate is exact to 0.1 Hz.
"""

import math
from dataclasses import dataclass
from enum import Enum

from app.edid.mode import Mode

CLOCK_STEP_KHZ = 10

# With this number of pixels, half a step of the clock is 0.1 Hz. edid-decode rejects a clock below 10 MHz.
_LEAST_PIXELS = 50_000
_LEAST_CLOCK_HZ = 10_000_000

_MIN_BLANK_S = 460e-6
_H_SYNC = 32


@dataclass(frozen=True, slots=True)
class Timing:
    """Horizontal values in pixels, vertical ones in lines. The blank is front porch, sync and back porch."""

    clock_khz: int
    width: int
    h_blank: int
    h_front: int
    h_sync: int
    height: int
    v_blank: int
    v_front: int
    v_sync: int
    h_positive: bool = True
    v_positive: bool = False

    @property
    def line_khz(self) -> float:
        """The line rate in kHz."""
        return self.clock_khz / (self.width + self.h_blank)

    @property
    def refresh_hz(self) -> float:
        """The refresh rate that follows from the clock. It may differ slightly from the requested one."""
        return self.line_khz * 1000 / (self.height + self.v_blank)

    @property
    def mode(self) -> Mode:
        return Mode(self.width, self.height, self.refresh_hz)


class Reduction(Enum):
    """The versions of CVT's reduced blanking. Version 2 has less blanking and a lower clock."""

    V1 = 1
    V2 = 2


def reduced_blanking(mode: Mode, reduction: Reduction) -> Timing:
    """The timing of a mode. Unlike in CVT, the width need not be a multiple of eight pixels."""
    line_s = (1 / mode.refresh_hz - _MIN_BLANK_S) / mode.height
    v_blank = math.floor(_MIN_BLANK_S / line_s) + 1
    if reduction is Reduction.V1:
        h_blank, h_front = 160, 48
        v_front, v_sync, v_back_least = 3, _v_sync(mode.width, mode.height), 6
    else:
        h_blank, h_front = 80, 8
        v_front, v_sync, v_back_least = 1, 8, 6
    v_blank = max(v_blank, v_front + v_sync + v_back_least)
    least = max(_LEAST_PIXELS, math.ceil(_LEAST_CLOCK_HZ / mode.refresh_hz))
    v_blank = max(v_blank, -(-least // (mode.width + h_blank)) - mode.height)
    if reduction is Reduction.V2:
        # In version 2 the back porch is fixed, and the front porch has the rest of the blanking.
        v_front = v_blank - v_sync - v_back_least
    pixels = (mode.width + h_blank) * (mode.height + v_blank)
    clock = round(pixels * mode.refresh_hz / (CLOCK_STEP_KHZ * 1000)) * CLOCK_STEP_KHZ
    return Timing(clock, mode.width, h_blank, h_front, _H_SYNC, mode.height, v_blank, v_front, v_sync)


def _v_sync(width: int, height: int) -> int:
    """In version 1 the length of the vertical sync encodes the aspect ratio; 10 is any other ratio."""
    for lines, across, down in ((4, 4, 3), (5, 16, 9), (6, 16, 10), (7, 5, 4), (7, 15, 9)):
        if width * down == height * across:
            return lines
    return 10
