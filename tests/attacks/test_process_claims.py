"""Promise: what a process says about itself decides nothing. Only the kernel tells who has a device.

A stranger is a process of another user. It chooses its name, its arguments and the paths of its files.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach import duplicates
from app.attach.duplicates import ProcessAccess
from app.attach.running_vm import NotTheHolder, attach, attach_pid, attach_vm
from app.errors import DeviceBusy, UsageError
from app.host import vfio_file
from app.host.discovery import discover
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.open import opening
from app.open.opening import OpenOptions, open_device
from app.open.target import Named
from tests import gate
from tests.attacks.strangers import ANOTHER, NOBODY, listed, need_root, open_host, python, stranger
from tests.unit.command import REPOSITORY
from tests.unit.hosts import UUID_A, UUID_B, Host, hide_files, qemu
from tests.unit.scripted import ScriptedDevice
from tests.unit.vms import Child, Vms, vms_on

# Users that no host has: an existing one is told by name.
_STRANGER, _VM_USER = 4242, 4243
_CLAIM = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A}"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs_rw-small", 1, cdev="vfio0")
    host.mdev(UUID_B, "mbochs_rw-small", 2, cdev="vfio1")
    (host.paths.dev / "shm").mkdir()
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


def _vgpu(host: Host, uuid: str = UUID_A) -> Vgpu:
    return next(each for each in discover(host.scan()) if each.name == uuid)


def _claimant(vms: Vms, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A stranger that cannot be seen, names the first vGPU, and has the second one open."""
    liar = vms.start("qemu-system-x86", qemu("win10", "-device", _CLAIM), ["mbochs"], groups=[2], uid=_STRANGER)
    hide_files(monkeypatch, liar.pid)
    return liar


def test_arguments_of_a_stranger_do_not_make_a_free_vgpu_busy() -> None:
    """A real process of another user: the list quotes the claim as one, with the user."""
    need_root()
    with open_host() as host, stranger(["qemu-system-x86_64", *qemu("win10", "-device", _CLAIM)[1:]]) as pid:
        host.mdev(UUID_A, "mbochs-small", 1)
        document = listed(host, ANOTHER)
        (vgpu,) = document["list"]["vgpus"]
        assert (vgpu["state"], vgpu["holders"]) == ("unknown", [])
        assert [(each["pid"], each["uid"], each["vm"]) for each in vgpu["claims"]] == [(pid, NOBODY, "win10")]
        who = f"qemu-system-x86 {pid} of {vgpu['claims'][0]['user']} (VM win10)"
        assert f"in use by a process that cannot be seen; perhaps {who} (by its arguments)" in document["table"]
        # Root sees that it has no device, whatever other processes of this machine it cannot see.
        (vgpu,) = listed(host, 0)["list"]["vgpus"]
        assert vgpu["state"] != "in-use"
        assert not vgpu["claims"]


def test_claimed_vgpu_that_is_free_is_opened_and_nobody_is_asked(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    _claimant(vms, monkeypatch)
    device = ScriptedDevice()
    monkeypatch.setattr(opening, "open_vgpu", lambda *_: device)
    opened = open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access(helped=True)))
    assert (opened.vm, opened.label) == (None, UUID_A)
    opened.device.close()
    assert not vms.asked


def test_device_of_a_stranger_is_not_taken_for_the_one_that_it_names(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys would have gone to the monitor that its arguments name."""
    liar = _claimant(vms, monkeypatch)

    def busy(vgpu: Vgpu, *_: object) -> ScriptedDevice:
        raise DeviceBusy(f"{vgpu.name} is in use", "")

    monkeypatch.setattr(opening, "open_vgpu", busy)
    access = vms.access(helped=True)
    options = OpenOptions(access=access, request_fds=access.request_fds)
    words = rf"qemu-system-x86 {liar.pid} of {_STRANGER} \(VM win10\) only names it"
    with pytest.raises(NotTheHolder, match=words):
        open_device(Named(UUID_A), host.paths, options)
    # A viewer that waits for the VM opens nothing, and is not deceived either.
    with pytest.raises(NotTheHolder, match=words):
        open_device(Named(UUID_A), host.paths, replace(options, alone=False))


def test_many_strangers_that_claim_a_vgpu_cost_few_passwords(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user of the node is asked for first: only he and root can have opened it by themselves."""
    for _ in range(6):
        _claimant(vms, monkeypatch)
    vm = vms.start("qemu-system-x86", qemu("win10", "-device", _CLAIM), ["mbochs"], groups=[1], uid=_VM_USER)
    hide_files(monkeypatch, vm.pid)
    monkeypatch.setattr("app.host.permissions.vfio_node_owners", lambda _paths: frozenset({_VM_USER}))
    attached = attach(_vgpu(host), host.scan(), vms.access(helped=True))
    assert (attached.vm.pid, attached.certain) == (vm.pid, True)
    attached.device.close()
    attached.process.close()
    assert vms.asked == [(vm.pid, None)]
    vms.ended(vm)
    with pytest.raises(NotTheHolder):
        attach(_vgpu(host), host.scan(), vms.access(helped=True))
    assert len(vms.asked) == 1 + 3


def test_traits_of_a_device_do_not_make_it_certain(host: Host, vms: Vms) -> None:
    """A process with two groups and one fd may have received the fd of a third device."""
    host.mdev("93b8f4f2-509f-382f-3c1e-e6bfe0fa1009", "mdpy-vga", 3)
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs"], groups=[1, 3])
    attached = attach_pid(vm.pid, None, host.scan(), vms.access())
    assert attached.vgpu is not None
    assert (attached.vgpu.name, attached.certain) == (UUID_A, False)
    attached.device.close()
    attached.process.close()


def test_path_of_a_cdev_that_contradicts_the_kernel_is_refused(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fd has the path of one device; the kernel tells that it is another one."""
    vms.start("qemu-system-x86", qemu("a"), ["mbochs@vfio0"])
    monkeypatch.setattr(duplicates, "own_syspath", lambda *_: f"/sys/devices/virtual/mbochs/mbochs/{UUID_B}")
    with pytest.raises(DeviceBusy, match="unknown which device"):
        attach(_vgpu(host), host.scan(), vms.access())


def test_file_at_the_path_of_a_node_is_not_the_node() -> None:
    """In a mount namespace of its own, any user may put any file at /dev/vfio/1."""
    need_root()
    gate.need_programs("unshare")
    inside = (
        "mount --make-rprivate / && mount -t tmpfs none /dev && mkdir -p /dev/vfio/devices && "
        "touch /dev/vfio/1 && mknod /dev/vfio/devices/vfio0 c 1 3 && "
        "exec 8</dev/vfio/1 9</dev/vfio/devices/vfio0 && echo ready && read -r line"
    )
    with open_host() as host:
        host.mdev(UUID_A, "mbochs-small", 1, cdev="vfio0")
        (host.paths.sys / "class/vfio-dev/vfio0/dev").write_text("511:0\n")
        with subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                links = [os.readlink(f"/proc/{process.pid}/fd/{each}") for each in (8, 9)]  # noqa: PTH115
                assert links == ["/dev/vfio/1", "/dev/vfio/devices/vfio0"]
                (vgpu,) = discover(HostScan.take(replace(host.paths, proc=Path("/proc"))))
            finally:
                process.kill()
        assert vgpu.holders == ()


def test_file_of_a_strangers_file_system_is_not_the_node() -> None:
    """The kernel does not tell what the file is, and that is no reason to believe its name."""
    need_root()
    with open_host() as host:
        host.mdev(UUID_A, "mbochs-small", 1, cdev="vfio0")
        (host.paths.sys / "class/vfio-dev/vfio0/dev").write_text("511:0\n")
        command = python("tests.attacks.programs.silent_fuse", "stranger")
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                words = process.stdout.readline().split()
                if not words:
                    gate.unavailable("a user may not mount FUSE in a namespace here")
                pid, fd, _ = map(int, words)
                assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/vfio/devices/vfio0"  # noqa: PTH115
                with pytest.raises(PermissionError):
                    vfio_file.device_number(f"/proc/{pid}/fd/{fd}")
                (vgpu,) = discover(HostScan.take(replace(host.paths, proc=Path("/proc"))))
            finally:
                process.kill()
        assert vgpu.holders == ()


def _pid_of(attached_to: str, host: Host, access: ProcessAccess) -> int:
    attached = attach_vm(attached_to, host.scan(), access)
    attached.device.close()
    attached.process.close()
    return attached.vm.pid


def test_namesake_without_a_device_does_not_block_a_vm(host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[1], uid=_VM_USER)
    seen = vms.start("qemu-system-x86", qemu("win10"), uid=_STRANGER)
    hidden = vms.start("qemu-system-x86", qemu("win10"), uid=_STRANGER)
    hide_files(monkeypatch, hidden.pid)
    assert _pid_of("win10", host, vms.access(helped=True)) == vm.pid
    assert not vms.asked
    assert {seen.pid, hidden.pid} < {each.pid for each in host.scan().vms}


def test_hidden_namesake_does_not_block_the_vm_of_the_nodes_owner(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libvirt gives the node to the user of its VMs. No other user can have opened it."""
    vm = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[1], uid=_VM_USER)
    liar = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[2], uid=_STRANGER)
    really_open = os.open
    for each in (vm, liar):
        hide_files(monkeypatch, each.pid)
    assert os.open is not really_open
    monkeypatch.setattr("app.host.permissions.vfio_node_owners", lambda _paths: frozenset({_VM_USER}))
    assert _pid_of("win10", host, vms.access(helped=True)) == vm.pid
    assert vms.asked == [(vm.pid, None)]


def test_of_two_vms_with_devices_this_users_is_taken(host: Host, vms: Vms) -> None:
    theirs = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[1], uid=_STRANGER)
    own = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[2], uid=os.getuid())
    assert _pid_of("win10", host, vms.access()) == own.pid
    vms.ended(own)
    second = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[2], uid=_VM_USER)
    with pytest.raises(UsageError, match="2 VMs are called win10") as caught:
        attach_vm("win10", host.scan(), vms.access())
    for pid, uid in ((theirs.pid, _STRANGER), (second.pid, _VM_USER)):
        assert f"pid:{pid} of {uid}" in caught.value.remedy


def test_label_and_error_name_the_user_of_a_process(host: Host, vms: Vms) -> None:
    vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[1], uid=_STRANGER)
    opened = open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access()))
    assert opened.label == f"{UUID_A} (VM win10 of {_STRANGER})"
    opened.device.close()
    looker = vms.start("looker", ["mdevview"], ["mbochs"], groups=[2], uid=_STRANGER)
    with pytest.raises(DeviceBusy, match=rf"in use by looker {looker.pid} of {_STRANGER}, which is no VM"):
        attach(_vgpu(host, UUID_B), host.scan(), vms.access())
