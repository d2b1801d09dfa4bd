"""Reads a pixel format as users write it: "XR24", "XRGB8888", "DRM_FORMAT_XRGB8888", 0x34325258, "XR24_BE"."""

from app.abi import drm_fourcc as drm
from app.formats.fourcc import parse_fourcc
from app.formats.layout import codes_by_name, known_layout
from app.formats.modifier_text import number

_PREFIX = "DRM_FORMAT_"
_BIG_ENDIAN_SUFFIX = "_BE"
_MOST = (1 << 32) - 1
_LONGEST = 64


def parse_format(text: str) -> int:
    """The fourcc, with its big-endian flag. Names are taken in any case.

    Raises ValueError for text that is no number of 32 bits, no name and no four printable characters; its text is a
    sentence for the user.
    """
    value = number(text)
    if value is not None:
        if value > _MOST:
            raise ValueError("a fourcc has 32 bits")
        return value
    known = parse_known_format(text)
    if known is not None:
        return known
    try:
        return parse_fourcc(text)
    except ValueError as error:
        raise ValueError("no format has this name, and it is not 1 to 4 printable characters") from error


def parse_known_format(text: str) -> int | None:
    """The fourcc of a format that the kernel's header has; None for other text. Numbers are not taken."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    word = text.strip().upper().removeprefix(_PREFIX)
    flag = drm.DRM_FORMAT_BIG_ENDIAN if word.endswith(_BIG_ENDIAN_SUFFIX) else 0
    word = word.removesuffix(_BIG_ENDIAN_SUFFIX)
    # The four characters first: "NV12" is both.
    for code in (_code(word), codes_by_name().get(word)):
        if code is not None and known_layout(code) is not None:
            return code | flag
    return None


def _code(word: str) -> int | None:
    try:
        return parse_fourcc(word)
    except ValueError:
        return None
