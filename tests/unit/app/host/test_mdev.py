"""Mdevs made and removed through a sysfs laid out in a folder."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from app.errors import DeviceBusy, MdevviewError, NoSuchDevice, PermissionDenied, UsageError
from app.host import mdev
from app.host.mdev import choose_type, create, mdev_types, remove
from tests.unit.hosts import UUID_A, UUID_B, Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev_type("0000:00:02.0", "i915-GVTg_V5_4", left="2", name="GVTg_V5_4")
    host.mdev_type("0000:00:02.0", "i915-GVTg_V5_8", left="7", name="GVTg_V5_8")
    host.mdev_type("0000:01:00.0", "nvidia-63", left="0", name="GRID P4-1Q")
    host.mdev_type("0000:02:00.0", "nvidia-63", left="8", name="GRID P4-1Q")
    host.mdev_type("mbochs", "mbochs-small", left="4")
    host.mdev_type("mbochs_rw", "mbochs_rw-small", left=None)
    return host


def test_types_are_told_with_their_parent_and_what_is_left(host: Host) -> None:
    told = {(each.parent, each.id): (each.name, each.left) for each in mdev_types(host.paths)}
    assert told[("0000:00:02.0", "i915-GVTg_V5_4")] == ("GVTg_V5_4", 2)
    assert told[("0000:01:00.0", "nvidia-63")] == ("GRID P4-1Q", 0)
    assert told[("mbochs_rw", "mbochs_rw-small")] == (None, None)


@pytest.mark.parametrize(
    ("wanted", "parent", "chosen"),
    [
        ("i915-GVTg_V5_4", None, "0000:00:02.0"),
        ("GVTg_V5_8", None, "0000:00:02.0"),
        ("nvidia-63", "0000:02:00.0", "0000:02:00.0"),
        ("63", "0000:01:00.0", "0000:01:00.0"),
        ("mbochs-small", None, "mbochs"),
        ("small", "mbochs_rw", "mbochs_rw"),
    ],
)
def test_type_is_named_by_its_id_or_what_follows_its_driver(
    host: Host, wanted: str, parent: str | None, chosen: str
) -> None:
    assert choose_type(wanted, parent, mdev_types(host.paths)).parent == chosen


@pytest.mark.parametrize(
    ("wanted", "parent", "kind", "says"),
    [
        ("nvidia-63", None, UsageError, "--type nvidia-63 --parent 0000:02:00.0"),
        ("small", None, UsageError, "--type mbochs_rw-small --parent mbochs_rw"),
        ("GVTg_V5_1", None, NoSuchDevice, "i915-GVTg_V5_4 (on 0000:00:02.0, 2 left)"),
        ("", None, NoSuchDevice, "there are"),
        ("nvidia-63", "mbochs", NoSuchDevice, "there are: mbochs-small (on mbochs, 4 left)"),
        ("mbochs-small", "0000:05:00.0", NoSuchDevice, "parents of this host: 0000:00:02.0, "),
    ],
)
def test_type_that_is_not_one_names_those_there_are(
    host: Host, wanted: str, parent: str | None, kind: type[MdevviewError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        choose_type(wanted, parent, mdev_types(host.paths))
    assert says in str(caught.value)


def test_host_without_parents_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDevice, match="no device of this host makes mdevs"):
        choose_type("small", None, mdev_types(Host(tmp_path).paths))


def test_uuid_is_written_to_the_type(host: Host) -> None:
    kind = choose_type("mbochs-small", None, mdev_types(host.paths))
    create(kind, UUID_A)
    assert (kind.folder / "create").read_text() == UUID_A


@pytest.mark.parametrize("text", ["83b8f4f2", "", UUID_A + "\n", "../../../../etc/passwd"])
def test_new_vgpu_needs_a_whole_uuid(host: Host, text: str) -> None:
    kind = choose_type("mbochs-small", None, mdev_types(host.paths))
    with pytest.raises(UsageError, match="no whole UUID"):
        create(kind, text)
    assert (kind.folder / "create").read_text() == ""


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (errno.EEXIST, UsageError, "leave --type out"),
        (errno.EUSERS, MdevviewError, "none left (EUSERS"),
        (errno.ENOSPC, MdevviewError, "none left (ENOSPC"),
        (errno.EACCES, PermissionDenied, f"sudo mdevctl start --uuid {UUID_A} --parent mbochs --type mbochs-small"),
        (errno.ENODEV, NoSuchDevice, "unloaded"),
        (errno.EINVAL, MdevviewError, "EINVAL: Invalid argument; see 'sudo dmesg'"),
    ],
)
def test_each_refusal_is_one_line_with_what_to_do(
    host: Host, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[MdevviewError], says: str
) -> None:
    def refuse(_fd: int, _data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    chosen = choose_type("mbochs-small", None, mdev_types(host.paths))
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(kind) as caught:
        create(chosen, UUID_A)
    assert says in str(caught.value)


def test_driver_that_was_unloaded_meanwhile_gets_no_file_of_ours(host: Host) -> None:
    kind = choose_type("mbochs-small", None, mdev_types(host.paths))
    (kind.folder / "create").unlink()
    with pytest.raises(NoSuchDevice, match="unloaded"):
        create(kind, UUID_A)
    assert not (kind.folder / "create").exists()


def test_nodes_that_udev_opens_later_are_waited_for(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    answers = iter([False, False, False, True])
    monkeypatch.setattr(os, "access", lambda _path, _mode: next(answers))
    mdev.await_nodes(UUID_A, host.paths, 60)
    assert list(answers) == []
    # The first of two nodes may be opened at once; a device that is gone again is not waited for.
    monkeypatch.setattr(os, "access", lambda path, _mode: path == host.paths.dev / "vfio/7")
    mdev.await_nodes(UUID_A, host.paths, 60)
    mdev.await_nodes(UUID_B, host.paths, 60)


def test_removal_writes_to_the_device_and_only_once_it_is_free(host: Host) -> None:
    file = host.mdev(UUID_A, "mbochs-small", 7) / "remove"
    file.touch()
    process = host.process(80, "qemu-system-x86", files={9: "/dev/vfio/7"})
    with pytest.raises(
        DeviceBusy, match=r"in use by qemu-system-x86 80; once it is free: echo 1 \| sudo tee /.*remove"
    ):
        remove(UUID_A, host.paths, 0.1)
    assert file.read_text() == ""
    (process / "fd/9").unlink()
    remove(UUID_A, host.paths, 30)
    assert file.read_text() == "1"


def test_removal_of_what_is_gone_is_done(host: Host) -> None:
    remove(UUID_A, host.paths)
    host.mdev(UUID_A, "mbochs-small", 7)
    remove(UUID_A, host.paths)


def test_removal_that_the_kernel_holds_up_holds_nobody_else_up(host: Host) -> None:
    """Someone opened it in the last moment: here a pipe whose reader comes later."""
    file = host.mdev(UUID_A, "mbochs-small", 7) / "remove"
    os.mkfifo(file)
    with pytest.raises(DeviceBusy, match="as soon as it is closed"):
        remove(UUID_A, host.paths, 0.2)
    assert subprocess.run(["cat", file], capture_output=True, timeout=60, check=True).stdout == b"1"
    os.wait()


def test_refused_removal_says_how_root_does_it(host: Host) -> None:
    file = host.mdev(UUID_A, "mbochs-small", 7) / "remove"
    file.mkdir()
    with pytest.raises(MdevviewError, match=f"{UUID_A} was not removed: Is a directory; once it is free: echo 1"):
        remove(UUID_A, host.paths, 30)
