"""Attaching to a VM: which process, which fd, and what is said when there is none."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach.running_vm import AttachedDevice, attach, attach_pid, attach_vm
from app.errors import (
    DeviceBusy,
    MdevviewError,
    NoSuchDevice,
    OpenFailed,
    PermissionDenied,
    ProcessGone,
    UsageError,
)
from app.host import vmm
from app.host.discovery import discover
from app.host.process import Process
from app.host.vgpu import Vgpu
from tests.unit.hosts import UUID_A, UUID_B, Host, hide_files, qemu
from tests.unit.known_hosts import proxmox
from tests.unit.vms import Vms, vms_on


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1, cdev="vfio0")
    host.mdev(UUID_B, "mdpy-vga", 2, cdev="vfio1")
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


def _vgpu(host: Host, uuid: str = UUID_A) -> Vgpu:
    return next(each for each in discover(host.scan()) if each.name == uuid)


def _let_go(attached: AttachedDevice) -> tuple[int, int, str | None, bool]:
    """Pid, fd there, device, whether it is certain."""
    attached.device.close()
    attached.process.close()
    name = attached.vgpu.name if attached.vgpu else None
    return attached.vm.pid, attached.number, name, attached.certain


def test_vm_is_found_by_its_device_its_pid_and_its_name(host: Host, vms: Vms) -> None:
    vm = vms.start("qemu-system-x86", qemu("win10"), ["mbochs"], groups=[1])
    attached = attach(_vgpu(host), host.scan(), vms.access())
    assert attached.vm.name == "win10"
    assert attached.vm.cwd == "/var/empty"
    expected = (vm.pid, vm.fds[0], UUID_A, True)
    assert _let_go(attached) == expected
    assert _let_go(attach_pid(vm.pid, None, host.scan(), vms.access())) == expected
    assert _let_go(attach_pid(vm.pid, vm.fds[0], host.scan(), vms.access())) == expected
    assert _let_go(attach_vm("win10", host.scan(), vms.access())) == expected


def test_vm_is_found_by_the_number_that_proxmox_gave_it(host: Host, vms: Vms) -> None:
    by_number = {
        number: vms.start("kvm", proxmox.command_line(number, "win11", ()), ["mbochs"], groups=[group])
        for number, group in ((105, 1), (106, 2))
    }
    for number, vm in by_number.items():
        assert _let_go(attach_vm(str(number), host.scan(), vms.access()))[0] == vm.pid
    with pytest.raises(UsageError, match="2 VMs are called win11") as several:
        attach_vm("win11", host.scan(), vms.access())
    assert all(f"pid:{vm.pid} (VM {number}, win11)" in several.value.remedy for number, vm in by_number.items())
    with pytest.raises(NoSuchDevice, match="no VM 107; there are: 105, win11; 106, win11"):
        attach_vm("107", host.scan(), vms.access())
    named = vms.start("qemu", qemu("105"), ["mbochs"], groups=[3])
    with pytest.raises(UsageError, match="2 VMs are called 105") as both:
        attach_vm("105", host.scan(), vms.access())
    assert f"pid:{named.pid}" in both.value.remedy
    assert f"pid:{by_number[105].pid} (VM 105, win11)" in both.value.remedy


def test_two_devices_of_one_vm(host: Host, vms: Vms) -> None:
    """By what they answer where the group is all that is known, by name where the kernel has cdevs."""
    by_group = vms.start("qemu-system-x86", qemu("a"), ["mdpy", "nic", "mbochs"], groups=[1, 2])
    for uuid, which in ((UUID_A, 2), (UUID_B, 0)):
        assert _let_go(attach(_vgpu(host, uuid), host.scan(), vms.access()))[:3] == (
            by_group.pid,
            by_group.fds[which],
            uuid,
        )
    with pytest.raises(UsageError, match=f"2 devices with a display.*{UUID_B}.*{UUID_A}"):
        attach_vm("a", host.scan(), vms.access())
    assert _let_go(attach_pid(by_group.pid, by_group.fds[2], host.scan(), vms.access()))[2] == UUID_A
    vms.ended(by_group)
    by_cdev = vms.start("qemu-system-x86", qemu("a"), ["mdpy@vfio1", "mbochs@vfio0"])
    assert _let_go(attach(_vgpu(host), host.scan(), vms.access())) == (by_cdev.pid, by_cdev.fds[1], UUID_A, True)


def test_second_fd_of_one_device_is_no_second_device(host: Host, vms: Vms) -> None:
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs@vfio0", "mbochs@vfio0"])
    assert _let_go(attach_vm("a", host.scan(), vms.access())) == (vm.pid, vm.fds[0], UUID_A, True)


def test_look_alikes_are_taken_by_the_command_line_and_not_called_certain(host: Host, vms: Vms) -> None:
    other = "93b8f4f2-509f-382f-3c1e-e6bfe0fa1009"
    host.mdev(other, "mbochs-small", 3)
    devices = [f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{each}" for each in (other, UUID_A)]
    arguments = qemu("a", *(word for each in devices for word in ("-device", each)))
    vm = vms.start("qemu-system-x86", arguments, ["mbochs", "mbochs"], groups=[1, 3])
    assert _let_go(attach(_vgpu(host), host.scan(), vms.access())) == (vm.pid, vm.fds[1], UUID_A, False)
    assert _let_go(attach(_vgpu(host, other), host.scan(), vms.access())) == (vm.pid, vm.fds[0], other, False)


def test_half_started_vm_is_busy_and_not_wrong(host: Host, vms: Vms) -> None:
    """A cdev answers EINVAL until it is bound; a group is open before its device."""
    vms.start("qemu-system-x86", qemu("a"), ["unbound@vfio0"])
    with pytest.raises(DeviceBusy, match="still setting its device up"):
        attach(_vgpu(host), host.scan(), vms.access())
    vms.start("qemu-system-x86", qemu("b"), [], groups=[2])
    with pytest.raises(DeviceBusy, match=r"\(VM b\), which has not opened it yet"):
        attach(_vgpu(host, UUID_B), host.scan(), vms.access())


def test_fork_and_viewers_are_not_taken_for_the_vm(host: Host, vms: Vms) -> None:
    """Following a viewer, which holds a duplicate, would keep the device of a dead VM open for ever."""
    viewer = vms.start("mdevview", ["/usr/bin/python3", "/usr/bin/mdevview", "view"], ["mbochs@vfio0"])
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs@vfio0"])
    fork = vms.start("qemu-system-x86", qemu("a"), ["mbochs@vfio0"], parent=vm.pid)
    lender = vms.start("libvirtd", ["libvirtd"], ["mbochs@vfio0"], more=["/dev/iommu"])
    assert _let_go(attach(_vgpu(host), host.scan(), vms.access()))[0] == vm.pid
    assert _let_go(attach_vm("a", host.scan(), vms.access()))[0] == vm.pid
    vms.ended(vm)
    assert _let_go(attach(_vgpu(host), host.scan(), vms.access()))[0] == fork.pid
    vms.ended(fork)
    assert _let_go(attach(_vgpu(host), host.scan(), vms.access()))[0] == lender.pid
    vms.ended(lender)
    with pytest.raises(DeviceBusy, match=f"mdevview {viewer.pid}, which is no VM"):
        attach(_vgpu(host), host.scan(), vms.access())
    with pytest.raises(UsageError, match="a viewer itself"):
        attach_pid(viewer.pid, None, host.scan(), vms.access())


def test_vmm_of_any_name_is_known_by_its_processors(host: Host, vms: Vms) -> None:
    first = vms.start("helper", ["helper"], ["mbochs"], groups=[1])
    vm = vms.start("myvmm", ["myvmm"], ["mbochs"], groups=[1], more=["anon_inode:kvm-vm"])
    attached = attach(_vgpu(host), host.scan(), vms.access())
    assert attached.role is vmm.Role.VMM
    assert _let_go(attached)[0] == vm.pid
    vms.ended(vm)
    assert _let_go(attach(_vgpu(host), host.scan(), vms.access()))[0] == first.pid


def test_vm_that_ends_while_it_is_attached_to_is_gone(host: Host, vms: Vms) -> None:
    """What was read after its end may be of another process of the same pid."""
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs"], groups=[1])
    access = vms.access()
    opened: list[Process] = []

    def examine(path: str) -> tuple[str, str]:
        if path.startswith("/proc/self/"):
            vm.end()
        return access.vfio_class(path)

    def open_process(pid: int) -> Process:
        opened.append(access.open_process(pid))
        return opened[-1]

    ending = type(access)(None, open_process, access.device, examine)
    with pytest.raises(ProcessGone, match=r"\(VM a\) has ended"):
        attach(_vgpu(host), host.scan(), ending)
    assert [each.fileno() for each in opened] == [-1]
    with pytest.raises(ProcessGone):
        attach(_vgpu(host), host.scan(), access)


def test_pid_of_another_process_by_now_is_not_asked_for_fds(host: Host, vms: Vms) -> None:
    """The number that was listed belongs to another file when it is duplicated."""
    vm = vms.start("qemu-system-x86", qemu("a"), ["file"], groups=[1])
    with pytest.raises(DeviceBusy):
        attach(_vgpu(host), host.scan(), vms.access())
    with pytest.raises(NoSuchDevice, match=rf"fd {vm.fds[0]} of qemu-system-x86 {vm.pid} \(VM a\) is no VFIO device"):
        attach_pid(vm.pid, vm.fds[0], host.scan(), vms.access())


def test_vm_of_another_user_is_reached_by_the_helper_alone(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A}"
    vm = vms.start("qemu-system-x86", qemu("a", "-device", device), ["mbochs"], groups=[1])
    hide_files(monkeypatch, vm.pid)
    with pytest.raises(PermissionDenied, match=r"\(VM a\);.*own user.*CAP_SYS_PTRACE.*helper"):
        attach(_vgpu(host), host.scan(), vms.access())
    attached = attach(_vgpu(host), host.scan(), vms.access(helped=True))
    assert attached.hidden
    assert _let_go(attached) == (vm.pid, vm.fds[0], UUID_A, True)
    assert _let_go(attach_pid(vm.pid, vm.fds[0], host.scan(), vms.access(helped=True)))[1] == vm.fds[0]
    assert vms.asked == [(vm.pid, None), (vm.pid, vm.fds[0])]


def test_process_that_is_not_even_listed_is_asked_for(host: Host, vms: Vms) -> None:
    """/proc mounted hidepid=invisible."""
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs@vfio0"])
    vms.forget(vm.pid)
    with pytest.raises(PermissionDenied):
        attach_pid(vm.pid, None, host.scan(), vms.access())
    assert _let_go(attach_pid(vm.pid, None, host.scan(), vms.access(helped=True))) == (vm.pid, vm.fds[0], UUID_A, True)


def test_helper_is_not_asked_where_it_is_not_needed(host: Host, vms: Vms) -> None:
    vms.start("qemu-system-x86", qemu("a"), ["mbochs"], groups=[1])
    _let_go(attach_vm("a", host.scan(), vms.access(helped=True)))
    assert not vms.asked


@pytest.mark.parametrize(
    ("kinds", "kind", "words"),
    [
        ([], NoSuchDevice, "has no VFIO device open"),
        (["nic"], OpenFailed, "no display planes"),
        (["unbound@vfio0"], DeviceBusy, "still setting its device up"),
    ],
)
def test_vm_without_a_screen(host: Host, vms: Vms, kinds: list[str], kind: type[MdevviewError], words: str) -> None:
    vms.start("qemu-system-x86", qemu("a"), kinds)
    with pytest.raises(kind, match=f"\\(VM a\\) .*{words}"):
        attach_vm("a", host.scan(), vms.access())


def test_names_that_do_not_name_one_vm(host: Host, vms: Vms) -> None:
    with pytest.raises(NoSuchDevice, match="no VM with a name runs here"):
        attach_vm("a", host.scan(), vms.access())
    with pytest.raises(NoSuchDevice, match="processes of other users are not listed"):
        attach_vm("a", replace(host.scan(), all_listed=False), vms.access())
    one = vms.start("qemu-system-x86", qemu("a"), ["mbochs"], groups=[1])
    with pytest.raises(NoSuchDevice, match="no VM b; there are: a"):
        attach_vm("b", host.scan(), vms.access())
    two = vms.start("qemu-system-x86", qemu("a"), ["mdpy"], groups=[2])
    with pytest.raises(UsageError, match="2 VMs are called a") as caught:
        attach_vm("a", host.scan(), vms.access())
    assert all(f"pid:{each.pid}" in caught.value.remedy for each in (one, two))


def test_processes_that_are_no_vm(host: Host, vms: Vms) -> None:
    thread = vms.start("kworker", [])
    with pytest.raises(NoSuchDevice, match="kernel thread"):
        attach_pid(thread.pid, None, host.scan(), vms.access())
    with pytest.raises(UsageError, match="this program itself"):
        attach_pid(os.getpid(), None, host.scan(), vms.access())
    ended = vms.start("qemu-system-x86", qemu("a"))
    vms.ended(ended)
    with pytest.raises(ProcessGone) as caught:
        attach_pid(ended.pid, None, host.scan(), vms.access())
    assert caught.value.exit_status == 3
