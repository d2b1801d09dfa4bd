"""Which processes have the same dma-buf open, by its inode number."""

from pathlib import Path

import pytest

from app.host.same_buffers import SameBuffer, same_buffers
from tests.unit.hosts import Host, qemu


def _fdinfo(inode: int, exporter: str | None = "mbochs_rw", name: str = "") -> str:
    text = f"pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t{inode}\n"
    return text if exporter is None else f"{text}size:\t4096\ncount:\t2\nexp_name:\t{exporter}\nname:\t{name}\n"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    files = {3: "/dmabuf:", 4: "/dmabuf:", 5: "/home/u/file", 6: "/dmabuf:x"}
    folder = host.process(50, "qemu-system-x86", qemu("one"), files) / "fdinfo"
    for fd, text in (
        (3, _fdinfo(77)),
        (4, _fdinfo(78)),
        (5, _fdinfo(77, None)),
        # A path may look like a dma-buf, and the name of one like another number.
        (6, _fdinfo(79, name="a\nino:\t77\n")),
    ):
        (folder / str(fd)).write_text(text)
    return host


def test_the_same_dma_buf_is_found_by_its_inode_and_nothing_else(host: Host) -> None:
    assert same_buffers({77, 99}, [50, 51], host.paths) == {77: (SameBuffer(50, "qemu-system-x86", 3),)}


def test_a_file_of_that_number_that_is_no_dma_buf_is_another_one(host: Host) -> None:
    (host.paths.proc / "50/fdinfo/3").write_text(_fdinfo(77, None))
    assert same_buffers({77}, [50], host.paths) == {}


def test_a_process_that_cannot_be_seen_has_none(host: Host) -> None:
    host.hide(50)
    assert same_buffers({77}, [50], host.paths) == {}
