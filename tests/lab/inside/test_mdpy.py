"""mdpy: a plane in a region."""

import errno
import os

import numpy as np
import pytest

from tests.lab.inside.conftest import Create
from tests.lab.inside.rawvfio import CURSOR, DMABUF, MDPY_REGION, PROBE, REGION, XR24, Mdpy, random_picture

SIZES = {"vga": (640, 480), "xga": (1024, 768), "hd": (1920, 1080)}


@pytest.mark.parametrize("kind", SIZES)
def test_picture_reads_back_through_the_region(create: Create, kind: str) -> None:
    picture = random_picture(*SIZES[kind])
    name = create("mdpy", kind)
    with Mdpy.open(name) as device:
        device.ask(PROBE | REGION)
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            device.ask(PROBE | DMABUF)
        plane = device.ask(REGION)
        assert (plane.fourcc, plane.width, plane.height, plane.index) == (XR24, *SIZES[kind], MDPY_REGION)
        assert device.ask(REGION, CURSOR) == plane, "mdpy now looks at the plane type"
        device.draw(picture)
    # Its memory exists as long as the mdev, unlike that of mbochs.
    with Mdpy.open(name) as device:
        assert device.region(MDPY_REGION)[0] == plane.size == 1 << (picture.nbytes - 1).bit_length()
        shown = np.frombuffer(device.read_memory(MDPY_REGION, picture.nbytes), np.uint32)
        np.testing.assert_array_equal(shown.reshape(picture.shape), picture)
