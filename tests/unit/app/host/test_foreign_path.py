"""A path that another user's process names is used by a child, with the same result as here."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from app.host import foreign_path, foreign_path_program
from app.host.foreign_path import connect_in_child, is_foreign, look, read_file
from tests.unit.hosts import Host


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_path, "is_another_users", lambda *_: True)


def test_only_a_process_of_this_user_is_trusted(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.process(11, "own", uid=os.geteuid())
    host.process(12, "other", uid=os.geteuid() + 1)
    host.process(13, "hidden")
    assert [is_foreign(pid, host.paths) for pid in (11, 12, 13, 14)] == [False, True, True, True]


@pytest.mark.usefixtures("foreign")
def test_child_sees_what_this_program_sees(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"name \xff\n")
    file.touch(0o640)
    found, info = look(str(file), os.getpid()), file.stat()
    assert (found.mode, found.uid, found.gid) == (info.st_mode, info.st_uid, info.st_gid)
    assert (found.device, found.inode, found.may_write) == (info.st_dev, info.st_ino, True)
    with pytest.raises(FileNotFoundError):
        look(str(tmp_path / "none"), os.getpid())
    with pytest.raises(OSError, match=os.strerror(errno.ENAMETOOLONG)):
        look("/" + "x" * 5000, os.getpid())
    with pytest.raises(OSError, match=os.strerror(errno.E2BIG)):
        look("/" + "x" * 200_000, os.getpid())


@pytest.mark.parametrize("is_other", [True, False])
def test_regular_files_alone_are_read_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_other: bool
) -> None:
    monkeypatch.setattr(foreign_path, "is_another_users", lambda *_: is_other)
    file, fifo = tmp_path / "file", tmp_path / "fifo"
    file.write_bytes(b"x" * 5000)
    os.mkfifo(fifo)
    found = read_file(str(file), os.getpid(), 5000)
    assert (found.data, found.changed_ns) == (b"x" * 5000, file.stat().st_ctime_ns)
    for path, limit, code in ((file, 4999, errno.EFBIG), (fifo, 10, errno.EINVAL), (tmp_path, 10, errno.EINVAL)):
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            read_file(str(path), os.getpid(), limit)
        assert caught.value.errno == code
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        read_file("/dev/zero", os.getpid(), 10)
    with pytest.raises(FileNotFoundError):
        read_file(str(tmp_path / "none"), os.getpid(), 10)


def test_own_process_needs_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_path, "ForeignChild", None)
    assert stat.S_ISDIR(look(str(tmp_path), os.getpid()).mode)


@pytest.mark.usefixtures("foreign")
def test_child_that_ends_without_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.py"
    broken.touch()
    monkeypatch.setattr(foreign_path_program, "__file__", str(broken))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        look("/", os.getpid())


def test_connected_socket_names_the_listener_and_not_the_child(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen()
        with connect_in_child(str(tmp_path / "qmp")) as child:
            _, fd = child.receive(60)
        assert fd is not None
        with socket.socket(fileno=fd) as connection:
            assert not connection.get_inheritable()
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            assert int.from_bytes(credentials[:4], "little") == os.getpid()
            accepted, _ = listener.accept()
            with accepted:
                accepted.send(b"x")
                assert connection.recv(1) == b"x"
