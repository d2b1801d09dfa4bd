"""Text for the desktop: a font of 5 x 7 cells, with round corners if it is drawn larger."""

from functools import lru_cache

import numpy as np

from app.formats.decode import Rgba
from app.sim.guest.drawing import Mask, PixelRect, tint

# The cells from one character to the next and from one line to the next, and the height of a character.
ADVANCE = 6
LINE = 11
HEIGHT = 7

# Seven rows a character, each one digit to the base 32: its five cells as bits, the left one the highest.
_FONT = {
    "A": "ehhvhhh", "B": "uhhuhhu", "C": "ehggghe", "D": "uhhhhhu", "E": "vgguggv", "F": "vgguggg",
    "G": "ehgnhhf", "H": "hhhvhhh", "I": "e44444e", "J": "72222ic", "K": "hikokih", "L": "ggggggv",
    "M": "hrllhhh", "N": "hhpljhh", "O": "ehhhhhe", "P": "uhhuggg", "Q": "ehhhlid", "R": "uhhukih",
    "S": "fgge11u", "T": "v444444", "U": "hhhhhhe", "V": "hhhhha4", "W": "hhhllla", "X": "hha4ahh",
    "Y": "hhha444", "Z": "v1248gv",
    "a": "00e1fhf", "b": "ggmphhu", "c": "00egghe", "d": "11djhhf", "e": "00ehvge", "f": "698s888",
    "g": "0fhhf1e", "h": "ggmphhh", "i": "40c444e", "j": "20622ic", "k": "ggikoki", "l": "c44444e",
    "m": "00qllhh", "n": "00mphhh", "o": "00ehhhe", "p": "00uhugg", "q": "00djf11", "r": "00mpggg",
    "s": "00ege1u", "t": "88s8896", "u": "00hhhjd", "v": "00hhha4", "w": "00hhlla", "x": "00ha4ah",
    "y": "00hhf1e", "z": "00v248v",
    "0": "ehjlphe", "1": "4c4444e", "2": "eh1248v", "3": "v2421he", "4": "26aiv22", "5": "vgu11he",
    "6": "68guhhe", "7": "v124888", "8": "ehhehhe", "9": "ehhf12c",
    " ": "0000000", ".": "00000cc", ",": "0000c48", ":": "0cc0cc0", "-": "000v000", "_": "000000v",
    "/": "01248g0", "(": "2488842", ")": "8422248", "$": "4fke5u4", "%": "op248j3", "+": "044v440",
    "=": "00v0v00", ">": "8421248", "#": "aavavaa",
}  # fmt: skip


def text_width(text: str, scale: int) -> int:
    """Pixels from the first cell to the last, without the gap after it."""
    return max(0, len(text) * ADVANCE - 1) * scale


def draw_text(rgba: Rgba, left: int, top: int, text: str, rrggbb: str, scale: int) -> None:
    """Write one line; a cell has ``scale`` pixels. Characters that the font lacks are blank."""
    if not text:
        return
    line = np.concatenate([_glyph(each, scale) for each in text], axis=1)
    tint(rgba, PixelRect(left, top, left + line.shape[1], top + line.shape[0]), rrggbb, line)


@lru_cache(maxsize=512)
def _glyph(character: str, scale: int) -> Mask:
    """One character with the gap after it, shape (7 cells, 6 cells) in pixels."""
    rows = _FONT.get(character, "0000000")
    cells = np.array([[int(row, 32) >> bit & 1 for bit in (4, 3, 2, 1, 0)] for row in rows], np.float32)
    if scale == 1:
        return np.pad(cells, ((0, 0), (0, 1)))
    # Four samples for each pixel and axis. A blur over a cell and a threshold make the corners round.
    fine = 4 * scale
    ink = np.pad(cells, 1).repeat(fine, axis=0).repeat(fine, axis=1)
    for axis in (0, 1):
        ink = _blurred(ink, fine, axis)
    ink = np.clip((ink[fine:-fine, fine:-fine] - 0.42) * fine, 0, 1)
    pixels: Mask = ink.reshape(HEIGHT * scale, 4, -1, 4).mean(axis=(1, 3))
    return np.pad(pixels, ((0, 0), (0, scale)))


def _blurred(values: Mask, width: int, axis: int) -> Mask:
    """The mean over ``width`` samples around each."""
    sums = np.cumsum(values, axis=axis)
    behind = np.roll(sums, width // 2, axis=axis)
    ahead = np.roll(sums, -(width // 2), axis=axis)
    return (ahead - behind) / np.float32(width)
