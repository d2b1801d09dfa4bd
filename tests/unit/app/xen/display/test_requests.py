import ctypes

from hypothesis import given
from hypothesis import strategies as st

from app.xen.abi.displif import xendispl_req
from app.xen.display.requests import (
    CreateBuffer,
    GetEdid,
    SetConfig,
    parse_request,
    request_name,
    response_to,
)
from tests.xen.display_front import create_body

_SLOT = ctypes.sizeof(xendispl_req)


@given(st.binary(min_size=_SLOT, max_size=_SLOT), st.integers(0, 200))
def test_any_slot_has_a_meaning_or_none_and_its_response_its_id(content: bytes, error: int) -> None:
    slot = xendispl_req.from_buffer_copy(content)
    assert (parse_request(slot) is None) == (request_name(slot.operation) == "unknown")
    response = response_to(slot, error)
    assert (response.id, response.operation, response.status) == (slot.id, slot.operation, -error)
    assert bytes(response)[8:] == bytes(_SLOT - 8)


def test_the_bodies_are_those_of_the_protocol() -> None:
    def slot(operation: int, body: bytes) -> xendispl_req:
        return xendispl_req.from_buffer_copy(bytes((7, 0, operation)).ljust(8, b"\0") + body.ljust(56, b"\0"))

    created = create_body(0xFFFF888000001000, (1024, 768, 32), 3145728, 1, 99, 64)
    assert parse_request(slot(0x10, created)) == CreateBuffer(0xFFFF888000001000, 1024, 768, 32, 3145728, True, 99, 64)
    off = parse_request(slot(0x14, b""))
    assert isinstance(off, SetConfig) and off.is_off
    assert parse_request(slot(0x16, bytes((128, 0, 0, 0, 9)))) == GetEdid(128, 9)
    assert response_to(slot(0x16, b""), edid_size=256).op.get_edid.edid_sz == 256
