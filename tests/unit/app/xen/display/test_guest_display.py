"""Whatever a guest asks for: one answer, a bounded cost, nothing left."""

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.planes.status import Reason, Status
from app.xen.abi.displif import xendispl_req, xendispl_resp
from app.xen.display.connector import Connector
from app.xen.display.guest_buffers import MOST_BUFFERS, MOST_BYTES
from app.xen.display.guest_display import MOST_FBS, GuestDisplay
from tests.xen.display_front import BE_ALLOC, XR24, create_body, fill_directory
from tests.xen.machine import FakeHost, FakeXen, fake_xen
from tests.xen.pages import PAGE, new_memory
from tests.xen.request_front import (
    DBUF_CREATE,
    DBUF_DESTROY,
    FB_ATTACH,
    FB_DETACH,
    GET_EDID,
    PG_FLIP,
    SET_CONFIG,
)

_WIDTH, _HEIGHT = 64, 48
_BYTES = _WIDTH * _HEIGHT * 4
_NOTHING = Status(Reason.NO_SCANOUT)


class _Guest:
    """A device without rings: requests go straight to what answers them."""

    def __init__(self, xen: FakeXen, host: FakeHost) -> None:
        self.domain = xen.create(displays=()).domain
        self.host = host
        self.connectors = [Connector(number, _NOTHING) for number in range(2)]
        for each in self.connectors:
            each.width, each.height = _WIDTH, _HEIGHT
        self.display = GuestDisplay(host.grants, self.domain.domid, self.connectors, new_memory)
        self.data = self.domain.share(_BYTES)
        self.directory = self.domain.share(PAGE)
        fill_directory(self.directory, self.data.refs)

    def ask(self, operation: int, body: bytes, connector: int = 0) -> int:
        """The errno, 0 for success."""
        slot = xendispl_req.from_buffer_copy(struct.pack("<HB5x", 1, operation) + body.ljust(56, b"\0"))
        response = self.display.answer(slot, self.connectors[connector])
        assert isinstance(response, xendispl_resp) and response.status <= 0
        return -int(response.status)

    def create(self, cookie: int, size: int = _BYTES, flags: int = 0) -> int:
        shape = (_WIDTH, _HEIGHT, 32) if size == _BYTES else (0, 0, 0)
        return self.ask(DBUF_CREATE, create_body(cookie, shape, size, flags, self.directory.refs[0]))

    def attach(self, cookie: int, fb: int, fourcc: int = XR24) -> int:
        return self.ask(FB_ATTACH, struct.pack("<QQIII", cookie, fb, _WIDTH, _HEIGHT, fourcc))

    def configure(self, fb: int, *part: int) -> int:
        return self.ask(SET_CONFIG, struct.pack("<QIIIII", fb, *(part or (0, 0, _WIDTH, _HEIGHT)), 32))


@contextmanager
def _guest() -> Iterator[_Guest]:
    with fake_xen() as xen:
        guest = _Guest(xen, xen.open_host())
        try:
            yield guest
        finally:
            for each in guest.connectors:
                for buffer in each.detach():
                    buffer.release()
            guest.display.release()
            guest.display.release()
            assert xen.left_over() == {}


def test_the_part_of_a_framebuffer_that_the_mode_shows() -> None:
    with _guest() as guest:
        assert (guest.create(1), guest.attach(1, 2), guest.configure(2, 8, 4, 100, 10)) == (0, 0, 0)
        frame, _ = guest.connectors[0].frame()
        assert frame.primary is not None
        plane = frame.primary.plane
        assert (plane.width, plane.height, plane.stride) == (_WIDTH - 8, 10, _WIDTH * 4)
        assert plane.offset == 4 * _WIDTH * 4 + 8 * 4
        assert guest.configure(2, _WIDTH, 0, 1, 1) == errno.EINVAL
        assert guest.connectors[0].frame()[0] is frame


def test_what_depends_on_a_destroyed_buffer_goes_with_it() -> None:
    with _guest() as guest:
        assert (guest.create(1), guest.attach(1, 2), guest.configure(2)) == (0, 0, 0)
        assert guest.ask(DBUF_DESTROY, struct.pack("<Q", 1)) == 0
        assert guest.connectors[0].frame()[0].status.reason is Reason.PLANE_OFF
        assert guest.ask(PG_FLIP, struct.pack("<Q", 2)) == errno.ENOENT
        assert guest.ask(FB_DETACH, struct.pack("<Q", 2)) == errno.ENOENT


def test_a_flip_of_a_connector_that_is_off_is_refused() -> None:
    with _guest() as guest:
        assert (guest.create(1), guest.attach(1, 2), guest.configure(2)) == (0, 0, 0)
        assert guest.ask(PG_FLIP, struct.pack("<Q", 2)) == 0
        assert guest.ask(PG_FLIP, struct.pack("<Q", 2), connector=1) == errno.EINVAL
        assert guest.ask(SET_CONFIG, b"") == 0
        assert guest.ask(PG_FLIP, struct.pack("<Q", 2)) == errno.EINVAL


def test_a_guest_has_a_limited_number_of_everything() -> None:
    with _guest() as guest:
        assert {guest.create(each) for each in range(MOST_BUFFERS)} == {0}
        assert guest.create(MOST_BUFFERS) == errno.ENOMEM
        assert {guest.attach(0, each) for each in range(MOST_FBS)} == {0}
        assert guest.attach(0, MOST_FBS) == errno.ENOMEM
        assert guest.host.fake_grants.mapped_pages == MOST_BUFFERS * _BYTES // PAGE


def test_a_guest_cannot_make_this_host_allocate_without_limit() -> None:
    with _guest() as guest:
        assert guest.create(1, MOST_BYTES + 1, BE_ALLOC) == errno.EINVAL
        assert guest.create(1, _BYTES, BE_ALLOC) == 0
        assert guest.create(2, MOST_BYTES, BE_ALLOC) == errno.ENOMEM
        assert guest.host.fake_grants.granted_buffers == 1


_NUMBERS = st.one_of(st.integers(0, 8), st.sampled_from((48, 64, 4096, _BYTES)), st.integers(0, 2**32 - 1))
_COOKIES = st.integers(0, 3)


def _bodies(first_ref: int) -> st.SearchStrategy[tuple[int, bytes]]:
    refs = st.one_of(st.just(first_ref), _NUMBERS)
    sizes = st.one_of(st.just(_BYTES), st.integers(0, 1 << 20), _NUMBERS)
    shapes = st.one_of(st.just((_WIDTH, _HEIGHT, 32)), st.just((0, 0, 0)), st.tuples(_NUMBERS, _NUMBERS, _NUMBERS))
    create = st.builds(create_body, _COOKIES, shapes, sizes, st.integers(0, 3), refs, st.one_of(st.just(0), _NUMBERS))
    edges = st.one_of(st.sampled_from((1, 32, 48, 64)), _NUMBERS)
    attach = st.builds(
        lambda *values: struct.pack("<QQIII", *values), _COOKIES, _COOKIES, edges, edges, st.sampled_from((XR24, 0, 7))
    )
    config = st.builds(
        lambda *values: struct.pack("<QIIIII", *values), _COOKIES, _NUMBERS, _NUMBERS, edges, edges, _NUMBERS
    )
    cookie = st.builds(lambda value: struct.pack("<Q", value), _COOKIES)
    edid = st.builds(lambda *values: struct.pack("<II", *values), st.one_of(st.just(256), _NUMBERS), refs)
    return st.one_of(
        st.tuples(st.just(DBUF_CREATE), create),
        st.tuples(st.just(FB_ATTACH), attach),
        st.tuples(st.just(SET_CONFIG), config),
        st.tuples(st.sampled_from((DBUF_DESTROY, FB_DETACH, PG_FLIP)), cookie),
        st.tuples(st.just(GET_EDID), edid),
        st.tuples(st.integers(0, 255), st.binary(max_size=56)),
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_requests_are_answered_and_what_is_shown_can_be_read(data: st.DataObject) -> None:
    with _guest() as guest:
        bodies = _bodies(guest.directory.refs[0])
        for operation, body in data.draw(st.lists(bodies, max_size=40)):
            guest.ask(operation, body, data.draw(st.integers(0, 1)))
            for each in guest.connectors:
                frame, retired = each.frame()
                for buffer in retired:
                    buffer.release()
                if frame.primary is not None:
                    plane = frame.primary.plane
                    end = plane.offset + plane.stride * (plane.height - 1) + plane.width * 4
                    with frame.primary.buffer.mapping() as memory:
                        assert end <= len(memory)
        assert guest.host.fake_grants.mapped_pages <= MOST_BYTES // PAGE
