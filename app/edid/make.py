"""Makes an EDID whose preferred timing is the mode that the user wants."""

from app.edid import block, cta
from app.edid.detailed import MAX_ACTIVE, MAX_CLOCK_KHZ, encode_detailed, fits_detailed
from app.edid.displayid import displayid_block
from app.edid.mode import BLOCK, DEFAULT_HZ, MIN_EDGE, Limits, Mode, check_size
from app.edid.timing import Reduction, Timing, reduced_blanking

# At this density desktops do not scale.
DEFAULT_DPI = 96.0
_NAME = "mdevview"

_NO_LIMITS = Limits()


def make_edid(mode: Mode, limits: Limits = _NO_LIMITS, *, name: str = _NAME, dpi: float = DEFAULT_DPI) -> bytes:
    """An EDID of one or two blocks. Raises ValueError if the mode exceeds a limit; its text names the limit.

    The physical size in the EDID follows from ``dpi``. A guest's desktop may choose its scaling by that size. If the
    mode needs a DisplayID block, the first block has a smaller mode, for guests that do not know DisplayID.
    """
    timing = timing_for(mode, limits)
    width_mm, height_mm = block.size_mm(mode.width, mode.height, dpi)
    # A desktop remembers the last mode of each screen, by the screen's identity, and would set that mode again. So each
    # size gets an identity of its own.
    serial = mode.width << 16 | mode.height
    more = cta.vics(limits)
    if not fits_detailed(timing):
        first, others = _smaller(mode), [timing]
        rest = displayid_block(timing, serial, name, (width_mm, height_mm))
    elif more and limits.max_size >= 2 * BLOCK:
        first, others = timing, [each for _, each in more]
        rest = cta.cta_block([vic for vic, _ in more])
    else:
        first, others, rest = timing, [], b""
    head = bytearray(
        block.HEADER
        + block.identity(serial)
        + block.properties(width_mm, height_mm)
        + block.other_modes(limits)
        + encode_detailed(first, width_mm, height_mm)
        + block.name_descriptor(name)
        + block.range_descriptor((first, *others))
        + block.dummy_descriptor()
        + bytes((len(rest) // BLOCK, 0))
    )
    return block.checksummed(head) + rest


def timing_for(mode: Mode, limits: Limits = _NO_LIMITS) -> Timing:
    """The preferred timing that an EDID for this device has. Raises ValueError as :func:`make_edid` does."""
    check_size(mode, limits)
    versions = [reduced_blanking(mode, each) for each in (Reduction.V1, Reduction.V2)]
    for timing in versions:
        if fits_detailed(timing):
            return timing
    timing = versions[-1]
    if limits.max_size >= 2 * BLOCK:
        return timing
    if max(mode.width, mode.height) > MAX_ACTIVE:
        raise ValueError(
            f"{mode} needs more than the {MAX_ACTIVE} pixels that an EDID of {limits.max_size} bytes holds"
        )
    raise ValueError(
        f"{mode} needs a pixel clock of {timing.clock_khz / 1000:g} MHz, and an EDID of {limits.max_size} bytes holds "
        f"at most {MAX_CLOCK_KHZ / 1000:g} MHz"
    )


def _smaller(mode: Mode) -> Timing:
    """The mode at 60 Hz at most, with its size halved until a detailed timing can hold it."""
    width, height, refresh = mode.width, mode.height, min(mode.refresh_hz, DEFAULT_HZ)
    while True:
        timing = reduced_blanking(Mode(width, height, refresh), Reduction.V1)
        if fits_detailed(timing):
            return timing
        width, height = max(MIN_EDGE, width // 2), max(MIN_EDGE, height // 2)
