"""The density of a real screen, from the size that its EDID tells."""

_MM_PER_INCH = 25.4
_MOST_MM = 10_000.0
# Densities of real screens, from a television to a telephone.
_LEAST, _MOST = 40.0, 600.0
# Screens that know no size, such as projectors, give their aspect ratio in this form (mm). Mutter and KWin ignore them.
_ASPECT_ONLY = frozenset({(160, 90), (160, 100), (16, 9), (16, 10)})


def physical_dpi(pixels: int, width_mm: float, height_mm: float) -> float | None:
    """The density of a screen that is ``pixels`` and ``width_mm`` wide; None if its size cannot be true."""
    # Not a number is in no range.
    if (
        not (0 < width_mm < _MOST_MM and 0 < height_mm < _MOST_MM)
        or (round(width_mm), round(height_mm)) in _ASPECT_ONLY
    ):
        return None
    dpi = pixels / width_mm * _MM_PER_INCH
    return dpi if _LEAST <= dpi <= _MOST else None
