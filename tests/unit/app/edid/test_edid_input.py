"""EDIDs in files: bytes, and the texts in which people pass them on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edid.edid_input import LONGEST_INPUT, find_edids
from tests.unit.app.edid.samples import SCREEN, WITH_CTA, xrandr


def hexdump(edid: bytes, row: str) -> str:
    """``row`` is a format with the offset, the bytes and the characters."""
    lines = []
    for at in range(0, len(edid), 16):
        part = edid[at : at + 16]
        shown = "".join(chr(each) if 32 <= each < 127 else "." for each in part)
        lines.append(row.format(at=at, spaced=part.hex(" "), pairs=part.hex(" ", 2), shown=shown))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        SCREEN.hex(),
        SCREEN.hex().upper(),
        SCREEN.hex(" "),
        "0x" + SCREEN.hex(" ").replace(" ", ", 0x"),
        "\r\n".join(SCREEN[at : at + 16].hex() for at in range(0, len(SCREEN), 16)),
        hexdump(SCREEN, "{at:08x}: {pairs}  {shown}"),
        hexdump(SCREEN, "{at:08x}  {spaced}  |{shown}|"),
        hexdump(SCREEN, "{at:07x} {spaced}"),
        hexdump(SCREEN, "[   3.{at:03}] (II) modeset(0): \t{spaced}"),
        "edid-decode (hex):\n\n"
        + hexdump(SCREEN[:128], "{spaced}")
        + "\n"
        + hexdump(SCREEN[128:], "{spaced}")
        + "\n----------------\n\nBlock 0, Base EDID:\n",
        xrandr(SCREEN),
    ],
    ids=["digits", "capitals", "blanks", "c", "lines", "xxd", "hexdump", "od", "xorg", "edid-decode", "xrandr"],
)
def test_text_in_hexadecimal_is_read(text: str) -> None:
    assert find_edids(text.encode()) == [SCREEN]


def test_bytes_are_read_as_they_are() -> None:
    assert find_edids(SCREEN + b"more") == [SCREEN + b"more"]


def test_each_of_several_is_found() -> None:
    assert find_edids(xrandr(SCREEN, WITH_CTA, SCREEN[:128]).encode()) == [SCREEN, WITH_CTA, SCREEN[:128]]
    assert find_edids((SCREEN.hex() + "\n" + WITH_CTA.hex()).encode()) == [SCREEN, WITH_CTA]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no screen is connected"),
        (b"\1" + SCREEN[1:], "the first or the last byte of the header is wrong"),
        (b"\x7fELF" + bytes(1000), "neither begins with the header"),
        (bytes(LONGEST_INPUT + 1), "too many"),
    ],
)
def test_what_is_no_edid_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        find_edids(data)


@settings(deadline=None)
@given(st.binary(max_size=600) | st.text(alphabet="0123456789abcdefx ,:|\n\tEDI", max_size=900).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for whole in (data, b"\n".join((SCREEN.hex().encode(), data))):
        try:
            found = find_edids(whole)
        except ValueError as error:
            assert str(error).isprintable()
            continue
        assert found and all(len(each) >= 8 for each in found)
