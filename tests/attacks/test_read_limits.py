"""Promise: whatever other processes put into /proc, a scan reads a bounded part of it and does not wait for them."""

import fcntl
import os
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.host import command_lines, proc, scan
from app.host.discovery import discover
from app.host.paths import text_of
from app.host.scan import HostScan
from app.host.vgpu import Use
from app.planes.dmabuf import dma_buf_info
from tests.attacks.strangers import ANOTHER, listed, need_root, one_at_a_time, open_host, running
from tests.unit.hosts import UUID_A, Host, hide_files, qemu

_ROOT = Path(__file__).parents[2]
_STRANGER = 4242
# include/uapi/asm-generic/fcntl.h
_F_OFD_SETLK = 37


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    return host


def test_forty_command_lines_of_a_gigabyte_cost_little_memory() -> None:
    """PR_SET_MM_MAP takes no right. Each of them also has as many arguments as fit into what is read."""
    need_root()
    with open_host() as host, running("tests.attacks.programs.long_command_lines", "40"):
        host.mdev(UUID_A, "mbochs-small", 1)
        for uid in (0, ANOTHER):
            document = listed(host, uid)
            assert document["peak_kib"] < 100 << 10, document["peak_kib"]
            assert document["list"]["vgpus"][0]["name"] == UUID_A


def test_command_line_of_empty_arguments_is_cut_and_known_as_cut(host: Host) -> None:
    folder = host.process(50, "qemu-system-x86", qemu("one"), {20: "/dev/vfio/1"})
    (folder / "cmdline").write_bytes(b"qemu\0-name\0one\0" + bytes(proc.MAX_COMMAND_LINE // 2))
    (process,) = host.scan().processes
    assert process.arguments_cut
    assert len(process.arguments) <= proc.MAX_ARGUMENTS
    assert process.vm_name == "one"


@contextmanager
def _never_answering(file: Path) -> Iterator[None]:
    """A file whose readers wait. They go on at the end."""
    file.unlink()
    os.mkfifo(file)
    try:
        yield
    finally:
        for each in command_lines._stuck_readers():
            os.close(os.open(file, os.O_RDWR))
            each.thread.join(30)


def _names_of_vms(scanned: HostScan) -> list[str | None]:
    """Read on a thread of its own, so that a wait without an end fails this test and does not stop it."""
    names: list[str | None] = []
    thread = threading.Thread(target=lambda: names.extend(each.vm_name for each in scanned.vms), daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it waits for a process of another user"
    return names


def test_command_line_that_is_never_answered_is_left_behind(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process keeps the lock of its memory: a page fault in a FUSE file that its own server does not answer."""
    monkeypatch.setattr(command_lines, "_STALL_S", 0.3)
    folder = host.process(50, "qemu-system-x86", qemu("stuck"), uid=_STRANGER)
    host.process(51, "qemu-system-x86", qemu("of the same user"), uid=_STRANGER)
    host.process(60, "qemu-system-x86", qemu("win10"), uid=os.getuid())
    host.process(61, "qemu-system-x86", qemu("win11"), uid=_STRANGER + 1)
    with _never_answering(folder / "cmdline"):
        scanned = host.scan()
        assert _names_of_vms(scanned) == ["win10", "win11"]
        assert scanned.unread == {50, 51}
        assert len(command_lines._stuck_readers()) == 1
        # The next scan does not wait for it again, and leaves no second thread behind.
        assert _names_of_vms(host.scan()) == ["win10", "win11"]
        assert len(command_lines._stuck_readers()) == 1


def test_own_process_that_does_not_answer_is_waited_for_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_lines, "_STALL_S", 0.3)
    folder = host.process(50, "qemu-system-x86", qemu("stuck"), uid=os.getuid())
    host.process(51, "qemu-system-x86", qemu("win10"), uid=os.getuid())
    with _never_answering(folder / "cmdline"):
        for _ in range(2):
            assert _names_of_vms(host.scan()) == ["win10"]
            assert len(command_lines._stuck_readers()) == 1


def test_all_command_lines_together_have_a_limit(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it the start of each one is read: the name of a VM is there."""
    for pid in range(50, 60):
        host.process(pid, "qemu-system-x86", [*qemu("win10"), *["x" * 100] * 200])
    monkeypatch.setattr(command_lines, "_MAX_TOTAL", 50_000)
    found = host.scan().vms
    assert {each.vm_name for each in found} == {"win10"}
    assert sum(len(each.command_line) for each in found) < 50_000 + 22_000 + 8 * 4096
    assert [each.arguments_cut for each in found].count(False) == 3


def test_own_vm_is_found_however_many_processes_do_not_answer(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_lines, "_STALL_S", 0.3)
    many = command_lines._MOST_STUCK + 2
    folders = [host.process(50 + each, "qemu", qemu("stuck"), uid=_STRANGER + each) for each in range(many)]
    host.process(90, "qemu-system-x86", qemu("win10"), uid=os.getuid())
    for each in folders:
        (each / "cmdline").unlink()
        os.mkfifo(each / "cmdline")
    try:
        assert _names_of_vms(host.scan()) == ["win10"]
        assert len(command_lines._stuck_readers()) == command_lines._MOST_STUCK
    finally:
        for reader in command_lines._stuck_readers():
            os.close(os.open(host.paths.proc / str(reader.current[0]) / "cmdline", os.O_RDWR))
            reader.thread.join(30)


def test_holder_whose_command_line_is_never_answered_is_still_a_holder(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_lines, "_STALL_S", 0.3)
    folder = host.process(50, "qemu-system-x86", qemu("stuck"), {20: "/dev/vfio/1"}, uid=_STRANGER)
    with _never_answering(folder / "cmdline"):
        (process,) = host.scan().processes
        assert (process.arguments, process.arguments_cut) == ((), True)
        assert (process.uid, process.groups) == (_STRANGER, {1: 20})


def test_process_with_more_files_than_are_read_makes_a_device_unknown_and_not_free(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may have a million fds. Those that are not read may be the device."""
    host.process(50, "hoarder", ["hoarder"], dict.fromkeys(range(3, 12), "/dev/null"))
    assert [each.use for each in discover(host.scan())] == [Use.FREE]
    monkeypatch.setattr(scan, "_MOST_FILES", 8)
    assert [each.use for each in discover(host.scan())] == [Use.UNKNOWN]


def test_many_processes_with_many_files_have_a_common_limit(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each process the first files are read all the same: a VM's device is among them."""
    for pid in range(50, 60):
        host.process(pid, "hoarder", ["hoarder"], dict.fromkeys(range(3, 43), "/dev/null"))
    host.process(60, "qemu-system-x86", qemu("one"), {3: "/dev/vfio/1"})
    monkeypatch.setattr(scan, "_FEW_FILES", 10)
    monkeypatch.setattr(scan, "_MOST_FILES_BEYOND", 75)
    found = host.scan()
    assert found.hidden == frozenset(range(52, 60))
    assert [each.groups for each in found.processes] == [{1: 3}]


def test_file_without_an_end_is_read_in_part(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Path("/dev/zero")
    text = text_of(endless)
    assert text is not None and len(text) <= 1 << 16
    with proc.open_folder("/dev") as folder:
        assert len(proc.read("zero", folder)) == proc.MAX_FILE


_SCAN = """
import sys, threading
from app.host import scan
scan._has_no_nodes = lambda folder: False
for _ in range(3):
    host = scan.HostScan.take()
    host.vms
    host.process({pid})
print(len(host.pids) > 2, sum(each.name == "host-scan" for each in threading.enumerate()) < 2)
"""


def test_process_that_stands_still_in_execve_is_left_behind() -> None:
    """Some kernels take a lock for /proc/PID/stat that a process holds in execve(), as long as its FUSE file likes."""
    command = [sys.executable, "-m", "tests.attacks.programs.stuck_exec"]
    with one_at_a_time(), subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            pid = int(server.stdout.readline())
            result = subprocess.run(
                [sys.executable, "-c", _SCAN.format(pid=pid)],
                cwd=_ROOT,
                stdout=subprocess.PIPE,
                text=True,
                timeout=60,
                check=True,
            )
        finally:
            server.kill()
    assert result.stdout.split() == ["True", "True"]


def test_file_of_a_picture_with_thousands_of_locks_is_read_in_part(tmp_path: Path) -> None:
    """Locks of a file description take no right, belong to whoever has its fd, and are listed in fdinfo."""
    with (tmp_path / "file").open("wb") as file:
        for each in range(2000):
            fcntl.fcntl(file, _F_OFD_SETLK, struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 2 * each, 1, 0))
        assert len(Path(f"/proc/self/fdinfo/{file.fileno()}").read_text()) > 100_000
        tracemalloc.start()
        try:
            with pytest.raises(OSError, match="neither a dma-buf nor a memfd"):
                dma_buf_info(file.fileno())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 50_000


def test_hidden_process_costs_no_read_of_its_command_line(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """`list` needs no command line of a process that it cannot look into, and that has no VMM's name."""
    folder = host.process(50, "secret", ["secret"], uid=_STRANGER)
    hide_files(monkeypatch, 50)
    with _never_answering(folder / "cmdline"):
        assert [each.use for each in discover(host.scan())] == [Use.UNKNOWN]
        assert not command_lines._stuck_readers()
