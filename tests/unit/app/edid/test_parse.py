"""EDIDs that are read: any bytes are an EDID or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edid.make import make_edid
from app.edid.mode import BLOCK, Mode
from app.edid.parse import Edid, blocks, parse_edid
from tests.unit.app.edid.modes import modes


@given(st.binary(max_size=600))
def test_any_bytes_are_an_edid_or_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="EDID"):
        parse_edid(data)


@given(modes, st.data())
def test_any_bytes_in_an_edid_are_read_or_refused(mode: Mode, data: st.DataObject) -> None:
    """Checksums put right: what a driver or another program made may say anything."""
    edid = bytearray(make_edid(mode))
    for _ in range(data.draw(st.integers(1, 8))):
        # Byte 126 is the number of blocks that follow.
        edid[data.draw(st.integers(8, len(edid) - 1) | st.just(126))] = data.draw(st.integers(0, 255))
    for at in range(0, len(edid), BLOCK):
        edid[at + 127] = -sum(edid[at : at + 127]) % 256
    try:
        read = parse_edid(bytes(edid))
    except ValueError:
        assert edid[126] > len(edid) // BLOCK - 1
        return
    assert isinstance(read, Edid)
    assert read.name is None or read.name.isprintable()
    assert read.preferred is None or read.preferred.refresh_hz > 0


def test_a_changed_byte_is_found() -> None:
    edid = bytearray(make_edid(Mode(1920, 1080)))
    edid[60] ^= 4
    with pytest.raises(ValueError, match="checksum"):
        parse_edid(bytes(edid))
    # A region may be larger than what is in it.
    whole = make_edid(Mode(1920, 1080))
    assert blocks(whole + bytes(100)) == whole
