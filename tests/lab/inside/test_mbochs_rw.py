"""mbochs_rw: its buffers can be mapped by a software renderer."""

import errno
import mmap
import os

import numpy as np
import pytest

from tests.lab.inside import mdev, watch
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.rawvfio import DMABUF, Mbochs, map_dmabuf, random_picture


def test_names_tell_the_two_drivers_apart(create: Create) -> None:
    for driver in ("mbochs", "mbochs_rw", "mdpy"):
        name = create(driver, {"mdpy": "vga"}.get(driver, "small"))
        found = (mdev.BUS / name / "driver").resolve()
        assert (found.name, (found / "module").resolve().name) == (driver, driver)


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (1920, 1080)])
def test_picture_reads_back_through_the_dmabuf(create: Create, size: tuple[int, int]) -> None:
    with Mbochs.open(create("mbochs_rw", "medium")) as device:
        device.set_mode(*size)
        picture = random_picture(*size)
        device.draw(picture)
        plane = device.ask(DMABUF)
        fd = device.get_dmabuf(plane.index)
        np.testing.assert_array_equal(map_dmabuf(fd, plane), picture)
        picture = random_picture(*size, seed=1)
        device.draw(picture)
        np.testing.assert_array_equal(map_dmabuf(fd, plane), picture, "the buffer is not live")


@pytest.mark.parametrize("size", [(800, 600), (1021, 767)])
def test_last_part_of_a_page_cannot_be_mapped(create: Create, size: tuple[int, int]) -> None:
    """mbochs does not round the size of a buffer up to pages, and dma_buf_mmap_internal() rounds it down."""
    picture = random_picture(*size)
    with Mbochs.open(create("mbochs_rw", "medium")) as device:
        device.set_mode(*size)
        device.draw(picture)
        plane = device.ask(DMABUF)
        fd = device.get_dmabuf(plane.index)
        assert os.lseek(fd, 0, os.SEEK_END) == plane.size == picture.nbytes
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            mmap.mmap(fd, plane.size, mmap.MAP_SHARED, mmap.PROT_READ)
        mapped = picture.nbytes // mmap.PAGESIZE * mmap.PAGESIZE // 4
        np.testing.assert_array_equal(map_dmabuf(fd, plane).ravel()[:mapped], picture.ravel()[:mapped])


def test_panning_flips_between_two_buffers(create: Create) -> None:
    """The two halves of the memory are two buffers with different ids."""
    first, second = (random_picture(640, 480, seed) for seed in (1, 2))
    fds: dict[int, int] = {}
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.set_mode(640, 480)
        device.draw(first)
        device.draw(second, y=480)
        for y, picture in ((0, first), (480, second), (0, first)):
            device.set_mode(640, 480, y=y)
            plane = device.ask(DMABUF)
            if plane.index not in fds:
                fds[plane.index] = device.get_dmabuf(plane.index)
            np.testing.assert_array_equal(map_dmabuf(fds[plane.index], plane), picture)
    assert len(fds) == 2


def test_one_id_can_be_fetched_many_times(create: Create) -> None:
    """Several fds at once, and again after the last one was closed. With mbochs as shipped this corrupts the kernel."""
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.set_mode(640, 480)
        plane = device.ask(DMABUF)
        for _ in range(50):
            fds = [device.get_dmabuf(plane.index) for _ in range(3)]
            assert len({os.fstat(fd).st_ino for fd in fds}) == 1
            device.close_dmabufs()


def test_dmabuf_may_outlive_the_device(create: Create, fact: Fact) -> None:
    name = create("mbochs_rw", "small")
    picture = random_picture(640, 480)
    with Mbochs.open(name) as device:
        device.set_mode(640, 480)
        device.draw(picture)
        plane = device.ask(DMABUF)
        fd = os.dup(device.get_dmabuf(plane.index))
    try:
        np.testing.assert_array_equal(map_dmabuf(fd, plane), picture)
        removal = mdev.Removal(name)
        assert removal.done_within(10), "a dma-buf keeps the device from being removed"
        fact("mbochs_rw: removal with a dma-buf still held took", f"{removal.seconds:.2f} s")
        assert watch.dmabufs() == 1
        np.testing.assert_array_equal(map_dmabuf(fd, plane), picture)
    finally:
        os.close(fd)
