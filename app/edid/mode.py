"""A display mode, as users write it, and the limits of a device."""

import re
from dataclasses import dataclass

# Linux ignores a detailed timing below 64 pixels (drm_mode_detailed() in drivers/gpu/drm/drm_edid.c). No vGPU reaches
# the upper bounds, and with them every number fits into its field of an EDID.
MIN_EDGE = 64
MAX_EDGE = 16384
MIN_HZ = 20.0
MAX_HZ = 480.0
DEFAULT_HZ = 60.0

BLOCK = 128

_FORM = re.compile(r"(\d{1,9})x(\d{1,9})(?:@(\d{1,9}(?:\.\d{1,6})?)(?:hz)?)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Mode:
    """``width`` x ``height`` pixels at ``refresh_hz``."""

    width: int
    height: int
    refresh_hz: float = DEFAULT_HZ

    def __str__(self) -> str:
        """The form that :func:`parse_mode` takes. The refresh rate has at most two decimals."""
        return f"{self.width}x{self.height}@{f'{self.refresh_hz:.2f}'.rstrip('0').rstrip('.')}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in a device's EDID region: width and height in pixels (None: no limit), size of an EDID in bytes."""

    max_width: int | None = None
    max_height: int | None = None
    max_size: int = 256 * BLOCK

    def allow(self, width: int, height: int) -> bool:
        """Whether the size is within the limits."""
        return width <= (self.max_width or width) and height <= (self.max_height or height)


def parse_mode(text: str) -> Mode:
    """Parse ``WxH`` or ``WxH@Hz``; the default is 60 Hz. Raises ValueError; its text is a sentence for the user."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not of the form WxH or WxH@Hz, such as 1920x1080 or 1920x1080@75")
    width, height, refresh = match.groups()
    mode = Mode(int(width), int(height), float(refresh) if refresh else DEFAULT_HZ)
    if not (MIN_EDGE <= mode.width <= MAX_EDGE and MIN_EDGE <= mode.height <= MAX_EDGE):
        raise ValueError(f"{text!r}: width and height are {MIN_EDGE} to {MAX_EDGE} pixels")
    if not MIN_HZ <= mode.refresh_hz <= MAX_HZ:
        raise ValueError(f"{text!r}: the refresh rate is {MIN_HZ:g} to {MAX_HZ:g} Hz")
    return mode


def check_size(mode: Mode, limits: Limits) -> None:
    """Raises ValueError if ``mode`` exceeds a limit; its text is a sentence that names the limit."""
    if not limits.allow(mode.width, mode.height):
        most = f"{limits.max_width or 'any'}x{limits.max_height or 'any'}"
        raise ValueError(f"{mode.width}x{mode.height} is more than the device allows, which is {most}")
    if limits.max_size < BLOCK:
        raise ValueError(f"the device takes at most {limits.max_size} bytes of EDID, and an EDID has at least {BLOCK}")
