import pytest

from app.dbus_display.picture.pixman import pixman_fourcc
from app.formats.fourcc import format_name, pixel_format

# PIXMAN_TYPE_* of pixman.h: the order of the channels, from the most significant bits down.
_ORDERS = {2: "argb", 3: "abgr", 8: "bgra", 9: "rgba"}
_ALL = [
    code
    for code in (bits << 24 | kind << 16 | rest for bits in (16, 24, 32) for kind in _ORDERS for rest in range(0x3000))
    if pixman_fourcc(code)
]
_ALL += [code for code in (0x2000_8888 | kind << 16 for kind in _ORDERS) if pixman_fourcc(code)]


def test_the_code_that_qemu_sends() -> None:
    fourcc = pixman_fourcc(0x2002_0888)
    assert fourcc is not None
    assert format_name(fourcc) == "XRGB8888"


def test_a_format_that_is_not_known_has_no_fourcc() -> None:
    assert pixman_fourcc(0x0801_8000) is None
    assert pixman_fourcc(0) is None


@pytest.mark.parametrize("code", _ALL, ids=hex)
def test_a_code_says_where_the_channels_are(code: int) -> None:
    """PIXMAN_FORMAT(bits, type, a, r, g, b), read independently of the table."""
    fourcc = pixman_fourcc(code)
    assert fourcc is not None
    format_ = pixel_format(fourcc)
    assert format_ is not None
    bits, order = code >> 24, _ORDERS[code >> 16 & 0xFF]
    width = {"a": code >> 12 & 15, "r": code >> 8 & 15, "g": code >> 4 & 15, "b": code & 15}
    assert format_.bytes_per_pixel * 8 == bits
    # The blanks are where alpha would be: above the colours, or below them.
    blank = bits - width["r"] - width["g"] - width["b"]
    shift = bits
    for each in order:
        size = blank if each == "a" else width[each]
        shift -= size
        channel = {"a": format_.alpha, "r": format_.red, "g": format_.green, "b": format_.blue}[each]
        if each == "a" and not width["a"]:
            assert channel is None
        else:
            assert channel is not None
            assert (channel.shift, channel.bits) == (shift, size)


def test_each_order_and_size_is_among_them() -> None:
    assert len(_ALL) == 18
