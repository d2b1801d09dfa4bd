import os

import pytest

from app.planes.dmabuf import dma_buf_info
from app.xen.display.own_dmabuf import new_udmabuf


def test_memory_for_a_guest_is_a_dmabuf_that_nobody_can_shorten_or_an_error_that_leaves_nothing() -> None:
    if not os.access("/dev/udmabuf", os.R_OK | os.W_OK):
        with pytest.raises(OSError):
            new_udmabuf(8192)
        return
    fd = new_udmabuf(8192)
    try:
        info = dma_buf_info(fd)
        assert (info.size, info.may_vanish, info.exporter) == (8192, False, "udmabuf")
    finally:
        os.close(fd)
