"""One walk over the processes: what it lists, how often, and what it does not know."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.host.discovery import discover
from app.host.proc import MAX_COMMAND_LINE
from app.host.scan import HostScan
from app.host.vgpu import Use
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, Listings, hide_files, path_of, qemu, stat_line


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    return host


def _vm(host: Host, pid: int, name: str, *arguments: str) -> Path:
    folder = host.process(pid, "qemu-system-x86", qemu(name, *arguments), {20: "/dev/vfio/1", 21: DEVICE_FD})
    (folder / "stat").write_text(stat_line(pid, "qemu (x)", 7, 4000 + pid))
    return folder


def test_every_folder_is_listed_once_whatever_is_asked_of_the_scan(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    _vm(host, 50, "one")
    host.process(60, "python3", ["python3"], {5: "/dev/null"})
    host.process(70, "qemu-system-x86", qemu("two"))
    listings = Listings(host, monkeypatch)
    scan = host.scan()
    discover(scan)
    assert scan.process(50) is scan.process(50)
    assert scan.process(60) is not None
    assert [each.vm_name for each in scan.vms] == ["one", "two"]
    assert listings.walks == 1
    assert listings.fds == {1: 1, 50: 1, 60: 1, 70: 1}


def test_facts_of_a_process_with_vfio_files(host: Host) -> None:
    files = {
        3: "/dev/null",
        4: "/dev/iommu",
        9: "anon_inode:kvm-vm",
        20: "/dev/vfio/1",
        21: DEVICE_FD,
        30: "/dev/vfio/devices/vfio3 (deleted)",
        40: "/dmabuf:",
    }
    folder = host.process(50, "some vmm", ["some-vmm", "x"], files)
    (folder / "stat").write_text(stat_line(50, "some) vmm", 7, 4711))
    (process,) = host.scan().processes
    assert (process.pid, process.name, process.started, process.parent) == (50, "some vmm", 4711, 7)
    assert (process.groups, process.cdevs) == ({1: 20}, {"vfio3": 30})
    assert (process.fds, process.dmabuf_fds) == ((21, 30), (40,))
    assert process.kvm and process.iommufd
    assert not process.files_hidden


def test_a_file_that_cannot_be_examined_is_not_the_node_of_a_device_that_sysfs_has(host: Host) -> None:
    """For example because it was closed after its link was read."""
    host.process(50, "vm", ["vm"], {20: "/dev/vfio/1", 30: "/dev/vfio/devices/vfio3"})
    for each in ("vfio/1", "vfio-dev/vfio3"):
        assert host.scan().processes != ()
        (host.paths.sys / "class" / each).mkdir(parents=True)
        (host.paths.sys / "class" / each / "dev").write_text("511:0\n")
    assert host.scan().processes == ()


def test_vms_are_those_of_the_walk_and_read_once(host: Host) -> None:
    """A process that started later is not among them: what a scan says fits together."""
    _vm(host, 50, "one")
    scan = host.scan()
    _vm(host, 51, "two")
    assert [each.vm_name for each in scan.vms] == ["one"]
    assert scan.process(51) is None
    (host.paths.proc / "50/cmdline").write_bytes(b"other")
    assert [each.vm_name for each in scan.vms] == ["one"]


@pytest.mark.parametrize(
    ("length", "is_cut"), [(MAX_COMMAND_LINE - 1, False), (MAX_COMMAND_LINE, False), (MAX_COMMAND_LINE + 1, True)]
)
def test_long_command_line_is_known_to_be_cut(host: Host, length: int, is_cut: bool) -> None:
    """Any process may call itself qemu and have a command line of two megabytes."""
    folder = _vm(host, 50, "one")
    start = (folder / "cmdline").read_bytes()
    last = b"x" * (length - len(start) - 1)
    (folder / "cmdline").write_bytes(start + last + b"\0")
    (process,) = host.scan().processes
    assert process.vm_name == "one"
    assert process.arguments_cut is is_cut
    assert (process.arguments[-1] == last.decode()) is not is_cut, "a part of an argument is none"


def test_only_a_part_of_two_megabytes_is_read(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (_vm(host, 50, "one") / "cmdline").write_bytes(b"qemu\0" * 400_000)
    (process,) = host.scan().processes
    assert process.arguments_cut
    assert sum(len(each) + 1 for each in process.arguments) <= MAX_COMMAND_LINE


def test_process_that_may_not_even_be_entered_is_not_overlooked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc mounted hidepid=noaccess: the folder of another user's process is there, and closed."""
    _vm(host, 50, "one")
    really_open = os.open

    def closed(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "50" and dir_fd is not None and path_of(dir_fd) == str(host.paths.proc):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", closed)
    scan = host.scan()
    assert [each.use for each in discover(scan)] == [Use.UNKNOWN]
    process = scan.process(50)
    assert process is not None and process.files_hidden


@pytest.mark.parametrize("failing_name", ["50", "fd", "cmdline", "comm", "stat", "fdinfo/21"])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_scan_without_a_fd_left_says_so_and_not_that_a_vm_is_another_users(
    host: Host, monkeypatch: pytest.MonkeyPatch, failing_name: str, number: int
) -> None:
    """A device would be opened alone beside its VM, or a password be asked for."""
    _vm(host, 50, "one")
    really_open = os.open

    def failing(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == failing_name:
            raise OSError(number, os.strerror(number), path)
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(OSError, match=os.strerror(number)):
        host.scan()


def test_folder_of_device_nodes_without_a_fd_left_is_not_taken_for_an_empty_one(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    listdir = os.listdir

    def failing(folder: Any) -> list[str]:
        if folder == host.paths.dev / "vfio":
            raise OSError(errno.EMFILE, "Too many open files")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", failing)
    with pytest.raises(OSError, match="Too many"):
        host.scan()


def test_process_read_after_the_scan_without_a_fd_left_is_not_overlooked(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.process(60, "qemu-system-x86", qemu("two"))
    scan = host.scan()
    monkeypatch.setattr(os, "open", lambda *_, **__: _raise(OSError(errno.EMFILE, "Too many open files")))
    with pytest.raises(OSError, match="Too many"):
        scan.process(60)
    with pytest.raises(OSError, match="Too many"):
        assert scan.vms


def _raise(error: Exception) -> int:
    raise error


def test_file_with_a_path_of_more_than_a_page_does_not_hide_its_process(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """readlink(2) answers ENAMETOOLONG. Any user can have such a file, and every vGPU seemed to be in use."""
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    with Path("f").open("w") as deep:
        with pytest.raises(OSError, match="name too long"):
            os.readlink(f"/proc/self/fd/{deep.fileno()}")  # noqa: PTH115
        # The real process of this test.
        scan = HostScan.take(replace(host.paths, proc=Path("/proc")))
        assert os.getpid() in scan.pids
        assert os.getpid() not in scan.hidden
    monkeypatch.undo()


def test_without_a_device_node_no_process_is_looked_into(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.paths.dev / "vfio/1").unlink()
    _vm(host, 50, "one")
    listings = Listings(host, monkeypatch)
    scan = host.scan()
    assert [each.use for each in discover(scan)] == [Use.FREE]
    assert not listings.fds
    # Its node may be in a container.
    for _ in range(2):
        process = scan.process(50)
        assert process is not None and process.fds == (21,)
    assert listings.fds == {50: 1}
    assert [each.vm_name for each in scan.vms] == ["one"]


def test_host_without_proc_has_no_processes(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.proc / "1/fd").rmdir()
    (host.paths.proc / "1").rmdir()
    host.paths.proc.rmdir()
    scan = HostScan.take(host.paths)
    assert (scan.pids, scan.processes) == ((), ())
    assert [each.use for each in discover(scan)] == [Use.UNKNOWN]


def test_vms_of_other_users_are_listed_by_their_command_lines(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process(70, "qemu-system-x86", qemu("two"))
    hide_files(monkeypatch, 70)
    (vm,) = host.scan().vms
    assert (vm.pid, vm.vm_name, vm.files_hidden) == (70, "two", True)
