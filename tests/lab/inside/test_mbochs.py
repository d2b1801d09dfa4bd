"""The faults of mbochs as shipped, which the program must handle."""

import errno
import mmap
import os

import pytest

from tests.lab.inside.conftest import Create
from tests.lab.inside.rawvfio import (
    BAR0,
    CURSOR,
    DMABUF,
    PROBE,
    REGION,
    XR24,
    XRES,
    Mbochs,
    random_picture,
)


def test_first_query_of_a_mode_fails_with_enomem(create: Create) -> None:
    with Mbochs.open(create("mbochs", "small")) as device:
        assert device.ask(PROBE | DMABUF).fourcc == 0
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            device.ask(PROBE | REGION)
        assert device.ask(DMABUF).fourcc == 0, "no mode, no plane"
        for dmabuf_id, size in ((1, (640, 480)), (2, (800, 600))):
            device.set_mode(*size)
            with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
                device.ask(DMABUF)
            plane = device.ask(DMABUF)
            assert (plane.fourcc, plane.width, plane.height) == (XR24, *size)
            assert plane.index == dmabuf_id
        assert device.ask(DMABUF, CURSOR).fourcc == 0
        # Pages that were allocated and never exported leak at the close: fetch both buffers, each once.
        for dmabuf_id in (1, 2):
            device.get_dmabuf(dmabuf_id)


def test_export_is_read_only_and_cannot_be_mapped(create: Create) -> None:
    with Mbochs.open(create("mbochs", "small")) as device:
        device.set_mode(640, 480)
        plane = device.query()
        with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
            device.get_dmabuf(plane.index + 1)
        fd = device.get_dmabuf(plane.index)
        assert os.lseek(fd, 0, os.SEEK_END) == plane.size
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            mmap.mmap(fd, plane.size, mmap.MAP_SHARED, mmap.PROT_READ)
        with pytest.raises(PermissionError):
            mmap.mmap(fd, plane.size, mmap.MAP_SHARED, mmap.PROT_WRITE)


@pytest.mark.parametrize("driver", ["mbochs", "mbochs_rw"])
def test_close_forgets_the_picture_and_keeps_the_mode(create: Create, driver: str) -> None:
    """So one open device must be used to draw a picture and to read it: pass its fd on."""
    name = create(driver, "small")
    picture = random_picture(640, 480)
    with Mbochs.open(name) as device:
        device.set_mode(640, 480)
        device.draw(picture)
        assert device.read_memory(BAR0, picture.nbytes) == picture.tobytes()
    with Mbochs.open(name) as device:
        assert device.register(XRES) == 640
        assert not any(device.read_memory(BAR0, picture.nbytes))
