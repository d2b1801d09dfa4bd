"""Names of modifiers from libdrm, if it is installed and new enough (2.4.107).

libdrm knows every vendor. Its drmGetFormatName is not used: it only returns the four characters.
"""

import ctypes
import functools
from collections.abc import Callable

_Namer = Callable[[int], str | None]


@functools.cache
def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libdrm.so.2")
    except OSError:
        return None


@functools.cache
def _namer(symbol: str) -> _Namer:
    library = _library()
    function = getattr(library, symbol, None)
    if function is None:
        return lambda _code: None
    # The caller frees the string: c_char_p would lose the pointer that free() needs.
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_uint64]
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]
    free.restype = None

    def name(code: int) -> str | None:
        pointer = function(code)
        if not pointer:
            return None
        try:
            return ctypes.string_at(pointer).decode("ascii", "replace")
        finally:
            free(pointer)

    return name


def modifier_name(modifier: int) -> str | None:
    """drmGetFormatModifierName ("X_TILED"); None if it is unknown, or libdrm is missing or too old."""
    return _namer("drmGetFormatModifierName")(modifier)


def modifier_vendor(modifier: int) -> str | None:
    """drmGetFormatModifierVendor ("INTEL"); None if it is unknown, or libdrm is missing or too old."""
    return _namer("drmGetFormatModifierVendor")(modifier)
