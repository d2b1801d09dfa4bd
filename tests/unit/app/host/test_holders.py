"""Who has a device open, seen from /proc."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from app.host.discovery import discover
from app.host.vgpu import Holder, Use, Way
from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host, close_folder, hide_files, path_of, qemu


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1, cdev="vfio0")
    host.mdev(UUID_B, "mbochs-small", 2, cdev="vfio1")
    return host


def _held(host: Host) -> list[tuple[Holder, ...]]:
    return [each.holders for each in discover(host.scan())]


def test_group_and_cdev_holders_with_their_vms(host: Host) -> None:
    host.process(50, "qemu-system-x86", qemu("one"), {3: "/dev/null", 20: "/dev/vfio/1", 21: DEVICE_FD})
    host.process(60, "python3", ["python3", "viewer.py"], {5: "/dev/vfio/devices/vfio1"})
    assert _held(host) == [
        (Holder(50, "qemu-system-x86", 21, "one", Way.GROUP),),
        (Holder(60, "python3", 5, None, Way.CDEV),),
    ]


def test_two_devices_of_one_process_leave_the_fd_open(host: Host) -> None:
    """Before Linux 6.18 nothing outside the process tells one device fd from the other."""
    files = {20: "/dev/vfio/1", 21: DEVICE_FD, 22: "/dev/vfio/2", 23: DEVICE_FD}
    folder = host.process(50, "qemu-system-x86", qemu("one"), files)
    assert [each[0].fd for each in _held(host)] == [None, None]
    for fd, uuid in ((21, UUID_B), (23, UUID_A)):
        (folder / "fdinfo" / str(fd)).write_text(f"pos:\t0\nvfio-device-syspath: /sys/devices/virtual/x/{uuid}\n")
    assert [each[0].fd for each in _held(host)] == [23, 21]


def test_device_fd_without_its_group_is_placed_by_fdinfo(host: Host) -> None:
    folder = host.process(50, "viewer", ["viewer"], {21: DEVICE_FD})
    assert {each.use for each in discover(host.scan())} == {Use.UNKNOWN}, "one of them, before Linux 6.18"
    (folder / "fdinfo/21").write_text(f"vfio-device-syspath: /sys/devices/virtual/mbochs/mbochs/{UUID_A}\n")
    assert _held(host) == [(Holder(50, "viewer", 21, None, Way.GROUP),), ()]


def test_process_that_ends_during_the_scan_is_left_out(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process(50, "qemu-system-x86", qemu("one"), {20: "/dev/vfio/1"})
    host.process(51, "qemu-system-x86", qemu("two"), {20: "/dev/vfio/2", 21: DEVICE_FD})
    scandir, readlink = os.scandir, os.readlink

    def ended(folder: int | str) -> Any:
        if path_of(folder).endswith("/50/fd"):
            raise ProcessLookupError(errno.ESRCH, "gone", folder)
        return scandir(folder)

    def closed(path: str, *, dir_fd: int | None = None) -> str:
        if path == "21" and dir_fd is not None and path_of(dir_fd).endswith("/51/fd"):
            raise FileNotFoundError(errno.ENOENT, "closed", path)
        return readlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "scandir", ended)
    monkeypatch.setattr(os, "readlink", closed)
    assert _held(host) == [(), (Holder(51, "qemu-system-x86", None, "two", Way.GROUP),)]


def test_hidden_vm_that_names_the_device_is_a_claim_and_no_holder(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A}"
    host.process(50, "qemu-system-x86", qemu("one", "-device", device), {20: "/dev/vfio/1"})
    hide_files(monkeypatch, 50)
    first, second = discover(host.scan())
    assert first.claims == (Holder(50, "qemu-system-x86", None, "one", None),)
    assert (first.holders, second.holders, second.claims) == ((), (), ())
    assert (first.use, second.use) == (Use.UNKNOWN, Use.UNKNOWN)


def test_unseen_process_matters_unless_the_drivers_module_is_idle(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process(2, "kthreadd")
    hide_files(monkeypatch, 2)
    assert {each.use for each in discover(host.scan())} == {Use.FREE}, "a kernel thread has no files"
    host.process(50, "secret", ["secret"])
    hide_files(monkeypatch, 50)
    assert {each.use for each in discover(host.scan())} == {Use.UNKNOWN}
    (host.paths.sys / "module/mbochs/refcnt").write_text("0\n")
    assert {each.use for each in discover(host.scan())} == {Use.FREE}


def test_closed_folder_of_nodes_does_not_mean_that_nothing_is_open(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process(50, "qemu-system-x86", qemu("one"), {20: "/dev/vfio/1", 21: DEVICE_FD})
    close_folder(monkeypatch, host.paths.dev / "vfio")
    assert [each.use for each in discover(host.scan())] == [Use.IN_USE, Use.FREE]


def test_hidden_process_list_means_not_knowing(host: Host) -> None:
    (host.paths.proc / "1/fd").rmdir()
    (host.paths.proc / "1").rmdir()
    assert {each.use for each in discover(host.scan())} == {Use.UNKNOWN}
