"""A picture in granted pages, on a fake Xen host."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app.planes.outcome import ImportMethod
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, State
from app.xen.references.references_source import ReferencesSource
from tests.xen.domain import SharedMemory
from tests.xen.guest import FakeGuest
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.serving import pixels, wait_frame

_WIDTH, _HEIGHT = 32, 64
_BYTES = _WIDTH * _HEIGHT * 4
_PAGES = _BYTES // 4096
_XR24 = 0x34325258
_PLANE = Plane(PlaneKind.PRIMARY, Backing.MEMORY, _XR24, 0, _WIDTH, _HEIGHT, _WIDTH * 4, _BYTES, 0, 0, None, None)
_SECOND = 1_000_000_000


def _picture(number: int) -> bytes:
    return bytes((number, 7 * number & 0xFF, 0x55, 0xFF)) * (_BYTES // 4)


@dataclass
class _Shared:
    xen: FakeXen
    guest: FakeGuest
    memory: SharedMemory
    source: ReferencesSource
    now: Callable[[int], None]

    def held(self) -> dict[str, int]:
        """What of the guest's pages is held, without what watches its end."""
        return {name: count for name, count in self.xen.left_over().items() if name != "watches"}


@contextmanager
def _shared(export_error: int) -> Iterator[_Shared]:
    with fake_xen() as xen:
        xen.export_error = export_error
        guest = xen.create(displays=())
        memory = guest.domain.share(_BYTES)
        memory.data[:_BYTES] = _picture(1)
        clock = [0]
        source = ReferencesSource(
            xen.open_host(), guest.domid, memory.refs, _PLANE, lambda _: "words", clock=lambda: clock[0]
        )
        try:
            yield _Shared(xen, guest, memory, source, lambda ns: clock.__setitem__(0, ns))
        finally:
            source.close()
            assert xen.left_over().keys() <= {"watches"}
        assert not xen.hosts[0].is_open


both_ways = pytest.mark.parametrize("export_error", [0, errno.EINVAL])


@both_ways
def test_picture_is_what_the_pages_have_now(export_error: int) -> None:
    with _shared(export_error) as shared:
        assert not shared.source.tells_damage
        frame = shared.source.latest()
        assert pixels(frame) == _picture(1)
        shared.memory.data[:_BYTES] = _picture(2)
        # Nobody tells of it: the frame is the same, and its pixels are read again.
        assert shared.source.latest() is frame
        assert pixels(frame) == _picture(2)
        assert [each.on_screen for each in shared.source.buffers()] == [True]


def test_dmabuf_is_mapped_only_when_the_cpu_reads_it() -> None:
    with _shared(0) as shared:
        primary = shared.source.latest().primary
        assert primary is not None
        assert (primary.plane.backing, primary.export_failure) == (Backing.DMABUF, None)
        assert primary.buffer.dmabuf_fd is not None
        assert shared.held() == {"exports": 1}
        assert pixels(shared.source.latest()) == _picture(1)
        assert shared.held() == {"exports": 1, "mapped pages": _PAGES}


def test_pages_that_are_no_dmabuf_are_mapped_and_the_frame_says_why() -> None:
    with _shared(errno.ENOTTY) as shared:
        primary = shared.source.latest().primary
        assert primary is not None and primary.export_failure is not None
        assert (primary.plane.backing, primary.buffer.dmabuf_fd) == (Backing.MEMORY, None)
        assert (primary.export_failure.method, primary.export_failure.message) == (ImportMethod.EXPORT, "words")
        assert shared.held() == {"mapped pages": _PAGES}


@both_ways
def test_released_pages_are_not_held_until_the_next_poll(export_error: int) -> None:
    with _shared(export_error) as shared:
        frame = shared.source.latest()
        assert pixels(frame) == _picture(1)
        shared.source.release_buffers()
        shared.source.release_buffers()
        assert shared.held() == {}
        assert frame.primary is not None and frame.primary.buffer.released
        again = shared.source.latest()
        assert again.serial > frame.serial and pixels(again) == _picture(1)


@both_ways
def test_references_that_are_taken_back_are_a_state_and_are_tried_again(export_error: int) -> None:
    with _shared(export_error) as shared:
        frame = shared.source.latest()
        assert pixels(frame) == _picture(1)
        shared.guest.domain.end_access(shared.memory)
        # What is mapped stays.
        assert shared.source.latest() is frame and pixels(frame) == _picture(1)
        shared.source.release_buffers()
        lost = shared.source.latest()
        assert (lost.status.reason, lost.status.errno, lost.primary) == (Reason.FETCH_FAILED, errno.EINVAL, None)
        assert shared.source.latest() is lost
        shared.now(2 * _SECOND)
        assert shared.source.latest() is lost
        assert shared.source.ended() is None


@both_ways
def test_domain_that_ends_is_gone_and_its_pages_stay_until_they_are_released(export_error: int) -> None:
    with _shared(export_error) as shared:
        before = shared.source.latest()
        assert pixels(before) == _picture(1)
        held = shared.held()
        shared.xen.destroy(shared.guest)
        frame = wait_frame(shared.source, Reason.VM_ENDED)
        assert frame.status.state is State.GONE
        assert shared.source.latest() is frame
        assert shared.source.ended() == frame.status
        assert shared.held() == held
        assert pixels(before) == _picture(1)
        shared.source.release_buffers()
        assert shared.held() == {}


def test_another_domains_end_is_none_of_this_one() -> None:
    with _shared(errno.ENOTTY) as shared:
        frame = shared.source.latest()
        shared.xen.destroy(shared.xen.create("other", displays=()))
        assert shared.source.latest() is frame
        assert shared.source.ended() is None


def test_picture_outlives_xenstored() -> None:
    with _shared(errno.ENOTTY) as shared:
        frame = shared.source.latest()
        shared.xen.servers[0].close()
        assert shared.source.latest() is frame
        assert pixels(frame) == _picture(1)


def test_wrong_reference_is_the_kernels_error_and_nothing_is_held() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=())
        host = xen.open_host()
        with pytest.raises(OSError, match="reference 99") as raised:
            ReferencesSource(host, guest.domid, [99], _PLANE, str)
        assert raised.value.errno == errno.EINVAL
        assert host.is_open
        host.close()
