"""The kernel's tables of TCP sockets, and what else could stand in them."""

import errno
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host import proc, tcp_sockets
from app.host.tcp_sockets import connection_inode, holds_socket, listens

_LINE = "   0: 0100007F:0001 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 7 1\n"


def _connected(host: str) -> tuple[socket.socket, socket.socket, socket.socket]:
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    client = socket.create_connection(listener.getsockname()[:2])
    return listener, client, listener.accept()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_accepted_socket_is_found_and_is_not_the_clients(host: str) -> None:
    listener, client, accepted = _connected(host)
    with listener, client, accepted, proc.open_folder("/proc/self") as folder:
        ours, theirs = client.getsockname()[:2], client.getpeername()[:2]
        assert connection_inode(folder, theirs, ours) == os.fstat(accepted.fileno()).st_ino
        assert connection_inode(folder, ours, theirs) == os.fstat(client.fileno()).st_ino
        assert connection_inode(folder, ours, ours) == 0
        assert listens(folder, host, theirs[1]) and not listens(folder, host, ours[1])


def test_a_connection_that_nobody_accepted_is_nobodys() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        proc.open_folder("/proc/self") as folder,
    ):
        assert connection_inode(folder, client.getpeername(), client.getsockname()) == 0
        assert not holds_socket(folder, {0})


def test_a_socket_for_both_protocols_listens_for_ipv4_and_has_its_connections() -> None:
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener,
        socket.create_connection(("127.0.0.1", listener.getsockname()[1])) as client,
        listener.accept()[0] as accepted,
        proc.open_folder("/proc/self") as folder,
    ):
        assert listens(folder, "127.0.0.1", listener.getsockname()[1])
        found = connection_inode(folder, client.getpeername(), client.getsockname())
        assert found == os.fstat(accepted.fileno()).st_ino


def test_a_table_too_long_to_be_read_whole_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_sockets, "_MOST_BYTES", 100)
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(_LINE * 2)
    with proc.open_folder(tmp_path) as folder, pytest.raises(OSError, match="too many") as caught:
        listens(folder, "127.0.0.1", 1)
    assert caught.value.errno == errno.EFBIG


@given(st.binary(max_size=300) | st.text("0123456789ABCDEF: \n", max_size=300).map(str.encode))
def test_anything_else_in_a_table_is_no_socket(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder_path = tmp_path_factory.getbasetemp() / "garbage/net"
    folder_path.mkdir(parents=True, exist_ok=True)
    (folder_path / "tcp").write_bytes(data)
    with proc.open_folder(folder_path.parent) as folder:
        assert connection_inode(folder, ("127.0.0.1", 1), ("127.0.0.1", 2)) == 0
