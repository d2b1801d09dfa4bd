"""The directory of a buffer's references, in pages of a fake guest."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.xen.backend.directory import read_directory, write_directory
from app.xen.backend.guest_error import GuestError
from tests.xen.domain import Domain, SharedMemory
from tests.xen.machine import FakeHost, FakeXen, fake_xen


class _Guest:
    def __init__(self, xen: FakeXen) -> None:
        self.host: FakeHost = xen.open_host()
        self._guest = xen.create(displays=())
        self.domain: Domain = self._guest.domain
        self.domid = self._guest.domid

    def directory(self, pages: int) -> SharedMemory:
        """Chained pages without references."""
        memory = self.domain.share(pages * 4096)
        for page, following in enumerate((*memory.refs[1:], 0)):
            struct.pack_into("<I", memory.data, page * 4096, following)
        return memory


@contextmanager
def _guest() -> Iterator[_Guest]:
    with fake_xen() as xen:
        guest = _Guest(xen)
        yield guest
        assert guest.host.fake_grants.mapped_pages == 0


def _put(memory: SharedMemory, refs: list[int]) -> None:
    for n, ref in enumerate(refs):
        page, slot = divmod(n, 1023)
        struct.pack_into("<I", memory.data, page * 4096 + 4 + slot * 4, ref)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=2100))
def test_references_are_read_over_all_pages(refs: list[int]) -> None:
    with _guest() as guest:
        memory = guest.directory(-(-len(refs) // 1023))
        _put(memory, refs)
        assert read_directory(guest.host.grants, guest.domid, memory.refs[0], len(refs)) == tuple(refs)


@pytest.mark.parametrize("count", [1, 1023, 1024, 2047])
def test_written_references_are_those_that_are_read(count: int) -> None:
    with _guest() as guest:
        memory = guest.directory(-(-count // 1023))
        refs = tuple(range(1000, 1000 + count))
        write_directory(guest.host.grants, guest.domid, memory.refs[0], refs)
        assert read_directory(guest.host.grants, guest.domid, memory.refs[0], count) == refs


def test_a_directory_that_loops_or_ends_early_is_an_error_of_the_guest() -> None:
    with _guest() as guest:
        memory = guest.directory(2)
        grants, domid = guest.host.grants, guest.domid
        with pytest.raises(GuestError, match="early"):
            read_directory(grants, domid, memory.refs[0], 3 * 1023)
        struct.pack_into("<I", memory.data, 4096, memory.refs[0])
        for count in (3 * 1023, 10**9):
            with pytest.raises(GuestError, match="loops"):
                read_directory(grants, domid, memory.refs[0], count)
        with pytest.raises(GuestError, match="loops"):
            write_directory(grants, domid, memory.refs[0], range(5000))
        for first, count in ((0, 1), (memory.refs[0], 0), (memory.refs[0], -1)):
            with pytest.raises(GuestError):
                read_directory(grants, domid, first, count)


def test_pages_that_cannot_be_mapped_are_oserrors_and_nothing_stays_mapped() -> None:
    with _guest() as guest:
        memory = guest.directory(2)
        struct.pack_into("<I", memory.data, 0, 0xFFFFFFFF)
        with pytest.raises(OSError):
            read_directory(guest.host.grants, guest.domid, memory.refs[0], 1024)
        read_only = guest.domain.share(4096, writable=False)
        with pytest.raises(OSError):
            write_directory(guest.host.grants, guest.domid, read_only.refs[0], (1, 2))
