"""Opening a Xen host: which files, and that a failure leaves none open."""

import os
import socket
from pathlib import Path
from unittest.mock import patch

import pytest

from app.host.paths import Paths
from app.xen.access import nodes
from app.xen.access.nodes import open_store, open_xen_host, xen_host_of
from tests.xen.store_server import FakeStore
from tests.xen.store_tree import StoreTree


def _paths(folder: Path, *names: str) -> Paths:
    (folder / "xen").mkdir()
    for name in names:
        os.mkfifo(folder / "xen" / name)
    return Paths(dev=folder)


def test_all_three_files_are_opened_and_closed_with_the_host(tmp_path: Path) -> None:
    host = open_xen_host(_paths(tmp_path, "gntdev", "evtchn", "xenbus"))
    assert host.events.pending() == ()
    assert host.store.events() == ()
    host.close()
    host.close()


@pytest.mark.parametrize("names", [(), ("gntdev",), ("gntdev", "evtchn"), ("gntdev", "xenbus")])
def test_a_missing_file_is_named_and_the_others_are_closed(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        open_xen_host(_paths(tmp_path, *names))
    assert Path(missing.value.filename).parent == tmp_path / "xen"


def test_a_host_that_cannot_be_made_closes_the_fds_it_got() -> None:
    fds = [os.memfd_create("file") for _ in range(3)]
    with pytest.raises(OSError):
        xen_host_of(*fds)
    for fd in fds:
        with pytest.raises(OSError):
            os.fstat(fd)


def test_xenstoreds_socket_serves_where_the_kernel_has_no_file(tmp_path: Path) -> None:
    tree = StoreTree()
    tree.write("/local/domain/0/name", "Domain-0")
    server = FakeStore(tree)
    with socket.socket(fileno=server.client) as client, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        with patch.object(nodes, "XENSTORED_SOCKET", tmp_path / "socket"):
            store = open_store(_paths(tmp_path))
        accepted, _ = listener.accept()
        with accepted:
            store.close()
            assert accepted.recv(1) == b""
        assert client.fileno() >= 0
    server.close()


def test_a_host_without_xen_is_the_missing_device_file(tmp_path: Path) -> None:
    with patch.object(nodes, "XENSTORED_SOCKET", tmp_path / "none"), pytest.raises(FileNotFoundError) as missing:
        open_store(_paths(tmp_path))
    assert missing.value.filename == str(tmp_path / "xen" / "xenbus")
