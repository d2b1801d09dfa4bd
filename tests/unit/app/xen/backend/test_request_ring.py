"""The request ring against a front end that follows the protocol, and one that does not."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.xen.abi.displif import XENDISPL_OP_PG_FLIP, xendispl_req, xendispl_resp
from app.xen.backend.guest_error import GuestError
from app.xen.backend.request_ring import RequestRing

_U32 = 0xFFFFFFFF


class _Front:
    """The front half of a ring (FRONT_RING_INIT)."""

    def __init__(self) -> None:
        self.page = bytearray(4096)
        self.req_prod = 0
        self.rsp_cons = 0
        struct.pack_into("<4I", self.page, 0, 0, 1, 0, 1)

    def index(self, name: str) -> int:
        offset = ("req_prod", "req_event", "rsp_prod", "rsp_event").index(name) * 4
        return int(struct.unpack_from("<I", self.page, offset)[0])

    def set_index(self, name: str, value: int) -> None:
        offset = ("req_prod", "req_event", "rsp_prod", "rsp_event").index(name) * 4
        struct.pack_into("<I", self.page, offset, value & _U32)

    def ask(self, number: int) -> bool:
        """Whether the backend wants a notification (RING_PUSH_REQUESTS_AND_CHECK_NOTIFY)."""
        request = bytes(xendispl_req(id=number & 0xFFFF, operation=XENDISPL_OP_PG_FLIP))
        offset = 64 + self.req_prod % 32 * 64
        self.page[offset : offset + 64] = request
        old, self.req_prod = self.req_prod, self.req_prod + 1 & _U32
        self.set_index("req_prod", self.req_prod)
        return (self.req_prod - self.index("req_event")) & _U32 < (self.req_prod - old) & _U32

    def answers(self) -> list[tuple[int, int]]:
        """Identifier and status of the responses, and the wish to be notified of the next."""
        got = []
        while self.rsp_cons != self.index("rsp_prod"):
            offset = 64 + self.rsp_cons % 32 * 64
            response = xendispl_resp.from_buffer_copy(self.page, offset)
            got.append((response.id, response.status))
            self.rsp_cons = self.rsp_cons + 1 & _U32
        self.set_index("rsp_event", self.rsp_cons + 1)
        return got


def _ring() -> tuple[_Front, RequestRing]:
    front = _Front()
    return front, RequestRing(memoryview(front.page))


def _serve(ring: RequestRing) -> bool:
    for request in ring.take():
        ring.respond(xendispl_resp(id=request.id, operation=request.operation, status=-request.id))
    return ring.publish()


@given(st.lists(st.integers(1, 32), max_size=60))
def test_each_request_is_answered_once_in_order_and_every_sleep_ends_with_a_notification(bursts: list[int]) -> None:
    front, ring = _ring()
    number = 0
    for burst in bursts:
        sent = [number + n for n in range(burst)]
        assert [front.ask(each) for each in sent].index(True) == 0, "the backend sleeps and is not woken"
        assert _serve(ring), "the front end waits and is not told"
        assert front.answers() == [(each & 0xFFFF, -(each & 0xFFFF)) for each in sent]
        number += burst
    assert ring.take() == ()


def test_requests_are_taken_in_order_though_not_all_at_once() -> None:
    front, ring = _ring()
    for number in range(32):
        front.ask(number)
    taken = []
    while requests := ring.take(5):
        taken += [each.id for each in requests]
        for each in requests:
            ring.respond(xendispl_resp(id=each.id))
        ring.publish()
    assert taken == list(range(32)) == [number for number, _ in front.answers()]


def test_indices_wrap_at_2_to_the_32() -> None:
    front, ring = _ring()
    start = _U32 - 3
    front.req_prod = front.rsp_cons = start
    for name, ahead in (("req_prod", 0), ("req_event", 1), ("rsp_prod", 0), ("rsp_event", 1)):
        front.set_index(name, start + ahead)
    ring._req_cons = ring._rsp_prod = start
    for number in range(10):
        assert front.ask(number)
        assert _serve(ring)
        assert front.answers() == [(number, -number)]


def test_a_request_is_a_copy_that_the_guest_cannot_change() -> None:
    front, ring = _ring()
    front.ask(7)
    (request,) = ring.take()
    front.page[64:128] = b"\xff" * 64
    assert (request.id, request.operation) == (7, XENDISPL_OP_PG_FLIP)


def test_a_front_end_that_polls_is_not_notified() -> None:
    front, ring = _ring()
    front.set_index("rsp_event", 1000)
    front.ask(0)
    assert not _serve(ring)


@given(st.integers(0, 32), st.integers(0, _U32))
def test_a_producer_index_that_jumps_is_an_error_of_the_guest(asked: int, jump: int) -> None:
    front, ring = _ring()
    for number in range(asked):
        front.ask(number)
    _serve(ring)
    front.set_index("req_prod", asked + jump)
    if jump <= 32:
        assert len(ring.take()) == jump
    else:
        with pytest.raises(GuestError):
            ring.take()


def test_requests_that_are_taken_back_are_an_error_of_the_guest() -> None:
    front, ring = _ring()
    front.ask(0)
    front.ask(1)
    assert len(ring.take()) == 2
    front.set_index("req_prod", 1)
    with pytest.raises(GuestError):
        ring.take()


@given(st.lists(st.integers(0, 40) | st.integers(0, _U32), min_size=1, max_size=16), st.binary(min_size=1, max_size=8))
def test_any_page_gives_bounded_requests_or_the_one_error(heads: list[int], pattern: bytes) -> None:
    memory = bytearray(4096)
    ring = RequestRing(memoryview(memory))
    for head in heads:
        memory[:] = (struct.pack("<I", head) * 4 + pattern * 4096)[:4096]
        try:
            requests = ring.take()
        except GuestError:
            return
        assert len(requests) <= 32
        for _ in requests:
            ring.respond(xendispl_resp())
        ring.publish()


def test_a_response_without_a_request_is_refused() -> None:
    _, ring = _ring()
    with pytest.raises(ValueError):
        ring.respond(xendispl_resp())


def test_the_page_can_be_unmapped_after_the_release() -> None:
    front, ring = _ring()
    ring.release()
    ring.release()
    front.page.clear()
