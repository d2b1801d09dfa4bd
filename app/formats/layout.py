"""The memory layout of every DRM format, also of those that this program cannot show.

The formats are in ``layout_table``. ``fourcc`` has more about the few that vGPUs use.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.formats.layout_table import TABLE

_BLOCK = re.compile(r"(\d+)x(\d+)")
_COMPONENT = re.compile(r"([A-Za-z]+|0)(\d?):(\d+)")
UNUSED = ("x", "0")
"""The names of bits without content: not used, and zero."""

_SUBSAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (4, 1): "4:1:1", (4, 4): "4:1:0"}

_NO_LINEAR = {
    "VUY101010": "Y, U and V with 10 bits each in one plane, 4:4:4",
    "YUV420_8BIT": "Y, U and V with 8 bits each in one plane, 4:2:0",
    "YUV420_10BIT": "Y, U and V with 10 bits each in one plane, 4:2:0",
}


@dataclass(frozen=True, slots=True)
class Component:
    """Bits of a little-endian word; ``shift`` counts from the lowest. ``sample`` is None if there is only one."""

    name: str
    sample: int | None
    shift: int
    bits: int

    @property
    def label(self) -> str:
        return self.name if self.sample is None else f"{self.name}{self.sample}"


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """A word of ``size`` bytes for ``width`` x ``height`` pixels; its components, the lowest bits first."""

    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def size(self) -> int:
        return sum(each.bits for each in self.components) // 8

    @property
    def bits_per_pixel(self) -> float:
        return self.size * 8 / (self.width * self.height)


@dataclass(frozen=True, slots=True)
class FormatLayout:
    """``planes`` is empty if the header defines no linear layout."""

    fourcc: int
    name: str
    planes: tuple[PlaneLayout, ...]

    def _names(self) -> set[str]:
        return {each.name for plane in self.planes for each in plane.components}

    @property
    def subsampling(self) -> str | None:
        """The chroma's ("4:2:0"); None for formats without chroma, and for those without a linear layout."""
        for plane in self.planes:
            count = sum(each.name == "Cb" for each in plane.components)
            if count:
                return _SUBSAMPLINGS[plane.width // count, plane.height]
        return None

    @property
    def content(self) -> str:
        """What the components are, in words: "RGB", "YCbCr 4:2:0", "an index into a palette"."""
        names = self._names()
        if not self.planes:
            return _NO_LINEAR[self.name]
        if "Y" in names:
            content = f"YCbCr {self.subsampling}"
        elif "C" in names:
            content = "an index into a palette"
        elif "D" in names:
            content = "darkness: 0 is white"
        elif names <= {"R", *UNUSED}:
            content = "one channel, red"
        elif "B" in names:
            content = "RGB"
        else:
            content = "two channels, red and green"
        content += " as half floats" if self.name.endswith("F") else ""
        return content + (" with alpha" if "A" in names else "")


@functools.cache
def known_layouts() -> dict[int, FormatLayout]:
    """Every format of the header by its fourcc."""
    return {each.fourcc: each for each in map(_parse, TABLE.strip().splitlines())}


def known_layout(fourcc: int) -> FormatLayout | None:
    """The layout of a format; None if the header does not have it. The big-endian flag must not be set."""
    return known_layouts().get(fourcc)


@functools.cache
def codes_by_name() -> dict[str, int]:
    """Fourccs by the format's name in capitals ("XRGB8888")."""
    return {each.name.upper(): each.fourcc for each in known_layouts().values()}


def _parse(line: str) -> FormatLayout:
    name, code, planes = line.split(" ", 2)
    layouts = () if planes == "-" else tuple(map(_parse_plane, planes.split(" / ")))
    return FormatLayout(drm.fourcc_code(code.ljust(4)), name, layouts)


def _parse_plane(text: str) -> PlaneLayout:
    words = text.split()
    block = _BLOCK.fullmatch(words[0])
    width, height = map(int, block.groups()) if block else (1, 1)
    return PlaneLayout(width, height, tuple(_components(reversed(words[1:] if block else words))))


def _components(words: Iterable[str]) -> Iterable[Component]:
    shift = 0
    for word in words:
        match = _COMPONENT.fullmatch(word)
        assert match is not None, word
        name, sample, bits = match.groups()
        yield Component(name, int(sample) if sample else None, shift, int(bits))
        shift += int(bits)
