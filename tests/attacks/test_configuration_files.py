"""A configuration file that a VM names is data: nothing but a short regular file of a disk is opened, and none waits.

In some tests the VM is another user's, so that a child reads.
"""

import errno
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from app.host import foreign_path, foreign_path_program
from app.host.config_files import with_configs
from app.host.foreign_path import read_file
from app.host.vm import Vm
from tests.attacks.limits import time_limit
from tests.attacks.silent_file import run_beside, silent_file
from tests.unit.hosts import Host, stat_line

_LONGEST_S = 20
_CONFIG = '[name]\n  guest = "desk"\n'
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@pytest.fixture(autouse=True)
def foreign(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    is_foreign: bool = getattr(request, "param", False)
    monkeypatch.setattr(foreign_path, "is_another_users", lambda *_: is_foreign)
    return is_foreign


def _host(folder: Path) -> Host:
    """The VM 50, which starts ten seconds from now, sees the whole file system and works in ``folder``."""
    host = Host(folder / "host")
    process = host.process(50, "qemu", ["qemu"])
    (process / "root").symlink_to("/")
    (process / "cwd").symlink_to(folder)
    (host.paths.proc / "uptime").write_text("1000 0\n")
    (process / "stat").write_text(stat_line(50, "qemu", 1, 1010 * _TICKS_PER_S))
    return host


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)


def _listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


_FILES: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "loop": lambda path: path.symlink_to(path.name),
    "folder": Path.mkdir,
    "socket": _listening,
    "large": _sparse,
    "kernel's messages": lambda path: path.symlink_to("/proc/kmsg"),
    "kernel's text": lambda path: path.symlink_to("/proc/version"),
    "device's text": lambda path: path.symlink_to("/sys/kernel/uevent_seqnum"),
    "unknown name": lambda _path: None,
}


@pytest.mark.parametrize(
    ("kind", "foreign"),
    [*((each, False) for each in _FILES), ("FIFO", True), ("kernel's messages", True)],
    indirect=["foreign"],
)
def test_other_files_are_not_read(tmp_path: Path, kind: str) -> None:
    _FILES[kind](tmp_path / "file")
    names = ("file", str(tmp_path / "file"), "x/" * 60_000 + "file", "\udcff\x1b[2J", "", "..", "/", "file\n")
    vm = Vm(50, "qemu", None, ("qemu", *(word for each in names for word in ("-readconfig", each))))
    tracemalloc.start()
    try:
        with time_limit(_LONGEST_S):
            read = with_configs(vm, _host(tmp_path).paths)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (read.configs, read.name) == ({}, None)
    assert read.command_line().reads_config
    assert peak < 4 << 20


def test_no_file_of_the_kernel_is_opened_for_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root would take lines of the kernel's log, or of a trace, from whoever waits for them."""
    modes = []
    real = os.open

    def opened(path: str, mode: int) -> int:
        modes.append(mode)
        return real(path, mode)

    monkeypatch.setattr(os, "open", opened)
    for name in ("/proc/version", "/proc/self/cmdline", "/sys/kernel/uevent_seqnum"):
        with pytest.raises(OSError, match="Invalid argument"):
            foreign_path_program.read(name, 1 << 16)
    assert len(modes) == 3
    assert all(each & os.O_PATH for each in modes)


def test_thousands_of_names_are_a_few_reads(tmp_path: Path) -> None:
    for each in range(20):
        (tmp_path / str(each)).write_text(_CONFIG)
    words = [word for each in range(4000) for word in ("-readconfig", str(each % 20))]
    with time_limit(_LONGEST_S):
        read = with_configs(Vm(50, "qemu", None, ("qemu", *words)), _host(tmp_path).paths)
    assert 1 <= len(read.configs) <= 8
    assert read.name == "desk"


def test_file_that_becomes_another_one_all_the_time(tmp_path: Path) -> None:
    """A check of the name, and then an open of the name, would meet the FIFO some time."""
    config, fifo, name = tmp_path / "config", tmp_path / "fifo", tmp_path / "name"
    config.write_text(_CONFIG)
    os.mkfifo(fifo)
    name.symlink_to(config)
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for each in (fifo, config):
                (tmp_path / "new").symlink_to(each)
                (tmp_path / "new").replace(name)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        end = time.monotonic() + 0.5
        with time_limit(_LONGEST_S):
            while time.monotonic() < end:
                try:
                    assert read_file(str(name), 50, 1 << 16).data == _CONFIG.encode()
                except OSError as error:
                    assert error.errno == errno.EINVAL, error
    finally:
        ended.set()
        thread.join()


_SILENT = """
    import os, time
    from app.host import foreign_path
    foreign_path.is_another_users = lambda *_: True
    from app.host import config_files
    from app.host.vm import Vm
    config_files.LIMIT_S = 0.5
    names = [word for each in range(8) for word in ("-readconfig", f"{path}{'/' * each}")]
    began = time.monotonic()
    read = config_files.with_configs(Vm(os.getpid(), "qemu", None, ("qemu", *names)))
    print(dict(read.configs), time.monotonic() - began < 10)
"""


def test_files_on_a_file_system_that_never_answers_have_one_limit() -> None:
    with silent_file() as trap:
        status, output = run_beside(trap, f"\n    path = '/proc/{trap.pid}/root/dev/mnt/file'" + _SILENT)
    assert (status, output) == (0, "{} True\n")
