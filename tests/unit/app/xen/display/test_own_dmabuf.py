import errno
import os
from pathlib import Path

import pytest

from app.planes.dmabuf import dma_buf_info
from app.xen.display import own_dmabuf
from app.xen.display.own_dmabuf import new_dumb_buffer, new_own_dmabuf, new_udmabuf


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


def test_where_neither_udmabuf_nor_a_gpu_has_memory_the_error_is_udmabufs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither of these GPUs is one: the first is a file, the second may not be opened."""
    (tmp_path / "card0").touch()
    (tmp_path / "card1").symlink_to(tmp_path / "nothing")
    monkeypatch.setattr(own_dmabuf, "_UDMABUF", tmp_path / "udmabuf")
    monkeypatch.setattr(own_dmabuf, "_DRI", tmp_path)
    with pytest.raises(FileNotFoundError) as raised:
        new_own_dmabuf(8192)
    assert str(raised.value.filename) == str(tmp_path / "udmabuf")
    with pytest.raises(OSError) as refused:
        new_dumb_buffer(8192, tmp_path / "card0")
    assert refused.value.errno == errno.ENOTTY
