"""The picture of a word's bits in its bytes."""

import pytest

from app.formats.layout import codes_by_name, known_layouts
from app.formats.layout_picture import picture


def drawn(name: str, plane: int = 0, big_endian: bool = False) -> list[str]:
    """The lines below the numbers of bytes and bits."""
    lines = picture(known_layouts()[codes_by_name()[name]].planes[plane], big_endian)
    assert lines[0].split() == ["byte", *map(str, range(len(lines[1].split()) - 1))]
    assert set(lines[1].split()) == {"bit", "76543210"}
    return [line[6:] for line in lines[2:]]


@pytest.mark.parametrize(
    ("name", "plane", "lines"),
    [
        ("XRGB8888", 0, ["BBBBBBBB GGGGGGGG RRRRRRRR xxxxxxxx"]),
        ("RGB565", 0, ["GGGBBBBB RRRRRGGG"]),
        ("ARGB2101010", 0, ["BBBBBBBB GGGGGGBB RRRRGGGG AARRRRRR"]),
        ("C2", 0, ["CCCCCCCC", "00112233"]),
        ("YUYV", 0, ["YYYYYYYY UUUUUUUU YYYYYYYY VVVVVVVV", "00000000 00000000 11111111 00000000"]),
        ("NV12", 1, ["UUUUUUUU VVVVVVVV"]),
        ("P010", 0, ["YYxxxxxx YYYYYYYY"]),
        ("S010", 1, ["UUUUUUUU 000000UU"]),
    ],
)
def test_each_bit_is_where_memory_has_it(name: str, plane: int, lines: list[str]) -> None:
    assert drawn(name, plane) == lines


def test_a_big_endian_word_begins_with_its_highest_byte() -> None:
    assert drawn("XRGB8888", big_endian=True) == ["xxxxxxxx RRRRRRRR GGGGGGGG BBBBBBBB"]
    assert drawn("RGB565", big_endian=True) == ["RRRRRGGG GGGBBBBB"]


def test_every_picture_fits_into_a_terminal() -> None:
    for layout in known_layouts().values():
        for plane in layout.planes:
            assert all(len(line) <= 80 and line.isprintable() for line in picture(plane))
