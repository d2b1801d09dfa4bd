"""Granted pages: the calls to the kernel, and that none is made with the number of a closed file."""

import ctypes
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.xen.abi import gntdev as abi
from app.xen.access.gntdev import MOST_PAGES, Gntdev

PAGES = 8


class _Kernel:
    """Answers ioctls as the driver does. The file behind is a memfd whose page N is full of the byte N."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("gntdev")
        os.write(self.fd, b"".join(bytes([page]) * 4096 for page in range(PAGES)))
        self.inode = os.fstat(self.fd).st_ino
        self.calls: list[tuple[int, bytes]] = []
        self.error: dict[int, int] = {}
        self.index = 4096
        self.exported = -1

    def __call__(self, fd: int, request: int, argument: bytearray, /) -> int:
        assert os.fstat(fd).st_ino == self.inode
        self.calls.append((request, bytes(argument)))
        if request in self.error:
            raise OSError(self.error[request], os.strerror(self.error[request]))
        if request == abi.IOCTL_GNTDEV_MAP_GRANT_REF:
            argument[8:16] = self.index.to_bytes(8, "little")
        elif request == abi.IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS:
            self.exported = os.memfd_create("dma-buf")
            argument[8:12] = self.exported.to_bytes(4, "little")
        elif request == abi.IOCTL_GNTDEV_DMABUF_IMP_TO_REFS:
            count = int.from_bytes(argument[4:8], "little")
            argument[16:] = b"".join((100 + n).to_bytes(4, "little") for n in range(count))
        return 0

    def requests(self) -> list[int]:
        return [request for request, _ in self.calls]


@contextmanager
def _gntdev() -> Iterator[tuple[_Kernel, Gntdev]]:
    kernel = _Kernel()
    gntdev = Gntdev(kernel.fd, ioctl=kernel)
    try:
        yield kernel, gntdev
    finally:
        gntdev.close()


def _words(content: bytes) -> list[int]:
    return list(memoryview(content).cast("I"))


def test_pages_are_mapped_at_the_drivers_index_and_unmapped_with_it() -> None:
    with _gntdev() as (kernel, gntdev):
        mapping = gntdev.map(7, [300, 301])
        assert bytes(mapping.memory[::4096]) == b"\x01\x02"
        assert mapping.memory.readonly
        assert mapping.memory.nbytes == 8192
        mapping.release()
        mapping.release()
        assert kernel.requests() == [abi.IOCTL_GNTDEV_MAP_GRANT_REF, abi.IOCTL_GNTDEV_UNMAP_GRANT_REF]
        assert _words(kernel.calls[0][1]) == [2, 0, 0, 0, 7, 300, 7, 301]
        assert _words(kernel.calls[1][1]) == [4096, 0, 2, 0]


def test_a_writable_mapping_reaches_the_other_domain() -> None:
    with _gntdev() as (kernel, gntdev):
        mapping = gntdev.map(7, [300], writable=True)
        mapping.memory[0:4] = b"abcd"
        assert os.pread(kernel.fd, 4, 4096) == b"abcd"
        mapping.release()


def test_a_reference_that_fails_at_mmap_is_taken_back() -> None:
    with _gntdev() as (kernel, gntdev):
        kernel.index = 4095
        with pytest.raises(OSError) as refused:
            gntdev.map(7, [300])
        assert refused.value.errno == errno.EINVAL
        assert kernel.requests()[-1] == abi.IOCTL_GNTDEV_UNMAP_GRANT_REF


@pytest.mark.parametrize("count", [0, MOST_PAGES + 1])
def test_no_pages_and_too_many_are_refused_without_a_call(count: int) -> None:
    with _gntdev() as (kernel, gntdev):
        for call in (lambda: gntdev.map(7, range(count)), lambda: gntdev.export(7, range(count))):
            with pytest.raises(OSError) as refused:
                call()
            assert refused.value.errno == errno.EINVAL
        with pytest.raises(OSError):
            gntdev.grant_dmabuf(0, count, 7)
        assert kernel.calls == []


@pytest.mark.parametrize("number", [-1, 2**32])
def test_what_is_no_u32_is_refused_without_a_call(number: int) -> None:
    with _gntdev() as (kernel, gntdev):
        for call in (
            lambda: gntdev.map(7, [number]),
            lambda: gntdev.map(number, [7]),
            lambda: gntdev.export(7, [number]),
        ):
            with pytest.raises(OSError) as refused:
                call()
            assert refused.value.errno == errno.EINVAL
        assert kernel.calls == []


def test_a_reader_that_is_left_keeps_the_pages_and_the_release_does_not_wait() -> None:
    with _gntdev() as (kernel, gntdev):
        mapping = gntdev.map(7, [300])
        reader = mapping.memory[:4]
        mapping.release()
        assert kernel.requests()[-1] == abi.IOCTL_GNTDEV_UNMAP_GRANT_REF
        assert bytes(reader) == b"\1\1\1\1"
        reader.release()


def test_a_dmabuf_of_references_is_closed_before_the_kernel_is_asked_for_its_pages() -> None:
    with _gntdev() as (kernel, gntdev):
        exported = gntdev.export(7, [300, 301])
        assert exported.fd == kernel.exported
        assert exported.release(wait_ms=20)
        assert exported.release()
        assert _words(kernel.calls[0][1])[3:] == [7, 300, 301]
        assert kernel.calls[1:] == [
            (
                abi.IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED,
                bytes(abi.ioctl_gntdev_dmabuf_exp_wait_released(fd=kernel.exported, wait_to_ms=20)),
            )
        ]
        with pytest.raises(OSError):
            os.fstat(kernel.exported)


@pytest.mark.parametrize(("number", "released"), [(errno.ENOENT, True), (errno.ETIMEDOUT, False)])
def test_whether_pages_of_a_dmabuf_are_let_go_is_the_kernels_word(number: int, released: bool) -> None:
    with _gntdev() as (kernel, gntdev):
        kernel.error[abi.IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED] = number
        assert gntdev.export(7, [300]).release() is released


def test_a_kernel_without_dmabufs_is_enotty() -> None:
    with _gntdev() as (kernel, gntdev):
        kernel.error[abi.IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS] = errno.ENOTTY
        kernel.error[abi.IOCTL_GNTDEV_DMABUF_IMP_TO_REFS] = errno.ENOTTY
        for call in (lambda: gntdev.export(7, [300]), lambda: gntdev.grant_dmabuf(3, 2, 7)):
            with pytest.raises(OSError) as refused:
                call()
            assert refused.value.errno == errno.ENOTTY


def test_an_own_dmabuf_is_granted_and_taken_back() -> None:
    with _gntdev() as (kernel, gntdev):
        assert gntdev.grant_dmabuf(33, 3, 7) == (100, 101, 102)
        gntdev.revoke_dmabuf(33)
        assert _words(kernel.calls[0][1])[:4] == [33, 3, 7, 0]
        assert ctypes.sizeof(abi.ioctl_gntdev_dmabuf_imp_release) == len(kernel.calls[1][1])


def test_close_unmaps_what_is_left_and_every_call_is_ebadf_afterwards() -> None:
    with _gntdev() as (kernel, gntdev):
        mapping, exported = gntdev.map(7, [300]), gntdev.export(7, [300])
        gntdev.close()
        assert abi.IOCTL_GNTDEV_UNMAP_GRANT_REF in kernel.requests()
        assert exported.release()
        mapping.release()
        for call in (lambda: gntdev.map(7, [1]), lambda: gntdev.export(7, [1]), lambda: gntdev.revoke_dmabuf(3)):
            with pytest.raises(OSError) as refused:
                call()
            assert refused.value.errno == errno.EBADF


def test_threads_that_map_while_another_closes_leave_nothing() -> None:
    for _ in range(20):
        with _gntdev() as (_, gntdev):

            def work(gntdev: Gntdev = gntdev) -> None:
                try:
                    while True:
                        gntdev.map(7, [300]).release()
                        gntdev.map(7, [300])
                except OSError as error:
                    assert error.errno == errno.EBADF

            threads = [threading.Thread(target=work) for _ in range(3)]
            for each in threads:
                each.start()
            gntdev.close()
            for each in threads:
                each.join()
            gntdev.close()
