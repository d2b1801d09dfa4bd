"""Draws how the bits of a plane's word lie in its bytes, as text.

Two lines name the bits, one the component of each bit, one the sample where a word has several::

    byte  0        1
    bit   76543210 76543210
          GGGBBBBB RRRRRGGG
"""

from collections.abc import Callable

from app.formats.layout import Component, PlaneLayout

# One letter for each bit: chroma by the names of its axes.
_LETTERS = {"Cb": "U", "Cr": "V"}
LEGEND = "U is Cb, V is Cr"
_BIT_NUMBERS = "76543210"
_INDENT = 6


def picture(plane: PlaneLayout, big_endian: bool = False) -> list[str]:
    """The lines of the picture; for a big-endian word the highest byte comes first."""
    bits = _bits(plane)
    order = list(range(plane.size))
    if big_endian:
        order.reverse()
    letters = [_byte(bits, byte, _letter) for byte in order]
    samples = [_byte(bits, byte, _sample) for byte in order]
    lines = [
        "byte".ljust(_INDENT) + " ".join(str(at).ljust(8) for at in range(plane.size)),
        "bit".ljust(_INDENT) + " ".join([_BIT_NUMBERS] * plane.size),
        " " * _INDENT + " ".join(letters),
        " " * _INDENT + " ".join(samples),
    ]
    return [each.rstrip() for each in lines if each.strip()]


def _bits(plane: PlaneLayout) -> list[Component]:
    """The component of each bit of the word, the lowest first."""
    return [each for each in plane.components for _ in range(each.bits)]


def _byte(bits: list[Component], byte: int, character: Callable[[Component], str]) -> str:
    """A character for each bit of a byte, the highest first."""
    return "".join(character(bits[byte * 8 + bit]) for bit in range(7, -1, -1))


def _letter(component: Component) -> str:
    return _LETTERS.get(component.name, component.name)


def _sample(component: Component) -> str:
    return " " if component.sample is None else str(component.sample)
