"""A picture of a guest's screen is private, follows no link, and is there as a whole or not at all."""

import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from app.errors import MdevviewError
from gl.trial_record import TrialAnswer, TrialEnd, TrialRecord, record_path
from tests.attacks.limits import time_limit
from tests.gate import need_programs, unavailable
from tests.unit.command import MDEVVIEW, REPOSITORY, run
from ui import private_file
from ui.cli.output_file import write_file
from ui.cli.raw_output import write_raw
from ui.window.screenshot_file import save_new

PICTURE = b"\x89PNG" + bytes(range(256)) * 400
WHEN = datetime(2024, 5, 6, 7, 8, 9)
PROGRAM = "tests.attacks.programs.writes_picture"


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    with time_limit(30):
        yield


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(file: Path) -> int:
    return file.lstat().st_mode & 0o7777


@pytest.mark.parametrize(("umask_is", "expected"), [(0, 0o600), (0o22, 0o600), (0o277, 0o400), (0o777, 0)])
def test_a_picture_is_private_and_a_stricter_umask_counts(
    umask_is: int, expected: int, umask: None, tmp_path: Path
) -> None:
    os.umask(umask_is)
    write_file(str(tmp_path / "a.png"), PICTURE)
    assert mode(tmp_path / "a.png") == expected
    assert mode(save_new(tmp_path, "VM", WHEN, PICTURE)) == expected


def test_a_file_that_is_replaced_keeps_its_permissions(umask: None, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"old, and longer" * 100_000)
    for each in (0o644, 0o640, 0o600):
        file.chmod(each)
        write_file(str(file), PICTURE)
        assert (mode(file), file.read_bytes()) == (each, PICTURE)


def test_the_permissions_of_another_users_file_are_not_taken_over(
    umask: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of all users, root could be given a file that everybody can read."""
    file = tmp_path / "a.png"
    file.touch(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    write_file(str(file), PICTURE)
    assert mode(file) == 0o600


@pytest.mark.parametrize("target", ["victim", "missing", "/dev/null", "folder", "fifo"])
def test_a_symbolic_link_is_not_followed(target: str, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "a.png").symlink_to(target)
    with pytest.raises(MdevviewError, match=r"a\.png: is a symbolic link, which is not followed"):
        write_file(str(tmp_path / "a.png"), PICTURE)
    assert (tmp_path / "victim").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["a.png", "fifo", "folder", "victim"]


def test_a_link_with_the_windows_next_name_is_not_followed(tmp_path: Path) -> None:
    first = tmp_path / "mdevview-VM-20240506-070809.png"
    first.symlink_to("victim")
    assert save_new(tmp_path, "VM", WHEN, PICTURE).name == "mdevview-VM-20240506-070809-2.png"
    assert first.is_symlink() and not (tmp_path / "victim").exists()


def test_a_file_without_hard_links_or_unnamed_files_is_whole_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on vfat and on some network file systems."""
    really_open = os.open

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def without_unnamed(path: str, flags: int, *more: int, **named: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "Operation not supported")
        return really_open(path, flags, *more, **named)

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "open", without_unnamed)
    first = save_new(tmp_path, "VM", WHEN, PICTURE)
    second = save_new(tmp_path, "VM", WHEN, PICTURE)
    write_file(str(tmp_path / "a.png"), PICTURE)
    assert [each.read_bytes() == PICTURE for each in (first, second, tmp_path / "a.png")] == [True] * 3
    assert (len(os.listdir(tmp_path)), mode(first), mode(second)) == (3, 0o600, 0o600)


@pytest.mark.parametrize("old", [None, b"the old picture"])
def test_a_write_that_fails_leaves_what_was_there(old: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    if old is not None:
        file.write_bytes(old)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(MdevviewError, match="File too large"):
            write_file(str(file), PICTURE)
        with pytest.raises(OSError, match="File too large"):
            save_new(tmp_path, "VM", WHEN, PICTURE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == ([file.name] if old is not None else [])
    assert old is None or file.read_bytes() == old


def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path) -> None:
    need_programs("unshare", "mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    space = ["unshare", *(() if os.geteuid() == 0 else ("-Ur",)), "-m"]
    mount = f"mount -t tmpfs -o size=64k tmpfs {disk} && echo old >{disk}/a.png"
    if subprocess.run([*space, "sh", "-c", mount], capture_output=True, check=False).returncode:
        unavailable("this kernel lets nobody mount a tmpfs in a namespace")
    script = f"{mount} && {sys.executable} -m {PROGRAM} {disk}/a.png 500000; echo $?; ls -A {disk}; cat {disk}/a.png"
    done = subprocess.run([*space, "sh", "-c", script], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.stdout == "1\na.png\nold\n"
    assert done.stderr == f"mdevview: {disk}/a.png: No space left on device; give another FILE with -o\n"


@pytest.mark.parametrize("old", [None, b"the old picture"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_kill_leaves_no_part_of_a_file(number: int, old: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    if old is not None:
        file.write_bytes(old)
    with subprocess.Popen(
        [sys.executable, "-m", PROGRAM, str(file), "500000", "stop"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stderr is not None and process.stderr.readline() == b"written\n"
            process.send_signal(number)
            process.wait()
        finally:
            process.kill()
    assert os.listdir(tmp_path) == ([file.name] if old is not None else [])
    assert old is None or file.read_bytes() == old


def test_bytes_and_their_document_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    """Where only the bytes fit on the disk, the old document would describe the new bytes."""
    raw = tmp_path / "a.raw"
    write_raw(str(raw), memoryview(b"old bytes"), {"version": 1})
    old = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(MdevviewError, match="File too large"):
            write_raw(str(raw), memoryview(b"new bytes"), {"version": 1, "more": "x" * 60_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == old
    write_raw(str(raw), memoryview(b"new bytes"), {"version": 2})
    assert raw.read_bytes() == b"new bytes" and json.loads(raw.with_name("a.raw.json").read_bytes()) == {"version": 2}
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        "screenshot sim:gvt -o -",
        "screenshot sim:gvt --raw -o /dev/stdout",
        "screenshot sim:gvt --as XR24:0:64x64:256 -o /proc/self/fd/1",
        "capture sim:gvt -o -",
        "compare a.json b.json --plot -",
    ],
)
def test_a_terminal_gets_no_picture(arguments: str) -> None:
    """One clear line and status 2, before any device is opened."""
    ours, terminal = pty.openpty()
    try:
        command = [sys.executable, "-m", MDEVVIEW, *arguments.split()]
        done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, cwd=REPOSITORY, text=True, check=False)
        option = "--plot" if "plot" in arguments else "-o"
        words = f"mdevview: the file would go to the terminal; give a FILE with {option}, or a pipe\n"
        assert (done.returncode, done.stderr) == (2, words)
        assert select.select([ours], [], [], 0)[0] == []
    finally:
        os.close(ours)
        os.close(terminal)


def test_a_fifo_gets_the_picture_and_stays(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write_file(str(fifo), PICTURE)
    reader.join()
    assert read == [PICTURE] and fifo.is_fifo()


def test_another_users_fifo_gets_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.chown(tmp_path / "fifo", 12345, -1) if os.getuid() == 0 else None
    monkeypatch.setattr(os, "geteuid", lambda: 12346)
    with pytest.raises(MdevviewError, match="fifo: belongs to another user"):
        write_file(str(tmp_path / "fifo"), PICTURE)


def test_devices_are_written_to_and_stay(tmp_path: Path) -> None:
    write_file("/dev/null", PICTURE)
    assert Path("/dev/null").is_char_device()
    with pytest.raises(MdevviewError, match="/dev/full: No space left on device"):
        write_file("/dev/full", PICTURE)
    assert Path("/dev/full").is_char_device()
    for each in (".", "..", "/", str(tmp_path), f"{tmp_path}/"):
        with pytest.raises(MdevviewError, match="Is a directory"):
            write_file(each, PICTURE)


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr", "/dev/fd/7"])
def test_the_name_of_an_open_file_is_that_file(name: str, tmp_path: Path) -> None:
    """The shell may have redirected it to a file: nothing is renamed over its link in /dev."""
    number = {"/dev/stderr": 2, "/dev/fd/7": 7}.get(name, 1)
    standard = Path("/dev/stdout").readlink()
    file = tmp_path / "a.png"
    file.write_bytes(b"before")
    script = f'exec {number}>>"$0" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, str(file), sys.executable, "-m", PROGRAM, name, "500000"], cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0
    assert file.read_bytes().startswith(b"before\x89PNG") and file.stat().st_size == 500_006
    assert Path("/dev/stdout").readlink() == standard


def test_nobody_reads_is_no_error_line() -> None:
    script = f"{sys.executable} -m {PROGRAM} - 5000000 | true"
    done = subprocess.run(["sh", "-c", script], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.stderr == b""


def test_a_folder_that_is_missing_is_one_line(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none/a.png"), "500", module=PROGRAM)
    assert done.returncode == 1
    assert done.stderr == f"mdevview: {tmp_path}/none/a.png: No such file or directory; give another FILE with -o\n"


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_text("kept")
    # chmod would not do, as tests may run as root.
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(PermissionError):
        private_file.replace(tmp_path / "a.png", PICTURE)
    assert (tmp_path / "a.png").read_text() == "kept"


@pytest.mark.parametrize("link", [False, True], ids=["home", "link"])
def test_root_with_a_users_home_writes_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: bool
) -> None:
    """The user could not write there afterwards, and a link of the user's leads to any place."""
    home, place = tmp_path / "home", tmp_path / "place"
    home.mkdir()
    place.mkdir()
    if link:
        (home / "base").symlink_to(place)
    if os.geteuid() == 0:
        os.chown(home, 12345, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    base = home / "base"
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))
    TrialRecord(record_path()).put("import", TrialAnswer(TrialEnd.SURVIVED))
    with pytest.raises(PermissionError, match="belongs to another user"):
        private_file.write_own(base / "mdevview" / "window.ini", b"")
    assert [each.name for each in home.iterdir()] == ["base"] * link
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """Python takes the root folder for an empty HOME."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    assert record_path() is None
