"""What a modifier says, in a form that every vendor's module fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

VALUE_BITS = 56
"""A modifier has the vendor in its highest byte, and the vendor's value in the 56 bits below."""


class Layout(Enum):
    """How pixels lie in memory: who can read them follows from it."""

    LINEAR = "linear"
    TILED = "tiled"
    COMPRESSED = "compressed"
    # DRM_FORMAT_MOD_INVALID: no modifier was given.
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Field:
    """Some bits of a modifier: ``name`` as the kernel's header has it, the lowest bit, the number of bits."""

    name: str
    shift: int
    bits: int
    value: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Description:
    """``name`` is libdrm's, without the vendor; a name in its manner where it has none, None if the value is unknown.

    ``macro`` is how C code writes the value with the kernel's header, ``drm_info`` how drm_info prints it; None where
    there is no such form. ``reserved`` has the set bits to which the header gives no meaning.
    """

    name: str | None
    layout: Layout
    meaning: str
    fields: tuple[Field, ...] = ()
    reserved: int = 0
    macro: str | None = None
    drm_info: str | None = None


@dataclass(frozen=True, slots=True)
class Bits:
    """The place of a field, and the meaning of its values."""

    name: str
    shift: int
    bits: int
    meanings: Mapping[int, str]
    otherwise: str = "not defined"

    @property
    def mask(self) -> int:
        return (1 << self.bits) - 1 << self.shift

    def get(self, value: int) -> int:
        return value >> self.shift & (1 << self.bits) - 1

    def read(self, value: int) -> Field:
        """The field in ``value``. ``{}`` in a meaning stands for the number."""
        number = self.get(value)
        meaning = self.meanings.get(number, self.otherwise).format(number)
        return Field(self.name, self.shift, self.bits, number, meaning)


def flag(name: str, shift: int, meaning: str, unset: str = "not set") -> Bits:
    """A field of one bit."""
    return Bits(name, shift, 1, {0: unset, 1: meaning})


def reserved_bits(value: int, fields: Sequence[Bits | Field]) -> int:
    """The set bits of ``value`` that belong to none of the fields."""
    for each in fields:
        value &= ~((1 << each.bits) - 1 << each.shift)
    return value


UNKNOWN_VALUE = "the vendor is known, but the kernel's header does not define this value"
