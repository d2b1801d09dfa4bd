"""Opening a target: alone, or by attaching to the VM that has it."""

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach.running_vm import attach, attach_pid, attach_vm
from app.device.seam import FdDevice
from app.errors import DeviceBusy, NeedsRunningVm, NoSuchDevice, OpenFailed, ProcessGone
from app.host.discovery import discover
from app.host.paths import Paths
from app.host.vgpu import Vgpu
from app.open import opening
from app.open.opening import OpenOptions, open_chosen, open_device, open_target
from app.open.target import Default, Named, Pid, Target, VmName
from tests.unit.hosts import UUID_A, Host, Listings, hide_files, qemu, stat_line
from tests.unit.scripted import ScriptedDevice
from tests.unit.vms import Child, Vms, vms_on


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


OFF = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"


def _vm(vms: Vms, *more: str, device: str = OFF, links: Sequence[str] = ()) -> Child:
    return vms.start("qemu-system-x86", qemu("a", "-device", device, *more), ["mbochs"], groups=[1], more=links)


def test_free_vgpu_is_left_to_its_vm_where_a_vm_is_waited_for(host: Host) -> None:
    with pytest.raises(NeedsRunningVm, match="no VM has it"):
        open_device(Named(UUID_A), host.paths, OpenOptions(alone=False))
    with pytest.raises(NoSuchDevice):
        open_device(Default(), Paths(host.paths.sys / "none", proc=host.paths.proc), OpenOptions(alone=False))


def test_gpu_that_is_passed_through_is_never_opened(host: Host, vms: Vms) -> None:
    """In use by a VM, or free and therefore not listed: the answer is the same."""
    vms.start("kvm", qemu("games", "-device", "vfio-pci,host=0000:01:00.0"), ["nic"], groups=[14])
    host.pci("0000:01:00.0", "vfio-pci", 14)
    host.pci("0000:02:00.0", "vfio-pci", 16)
    for text in ("01:00.0", "0000:02:00.0"):
        with pytest.raises(NoSuchDevice, match=f"{text} is no vGPU: .* passed through have no display"):
            open_device(Named(text), host.paths)
    chosen = next(each for each in discover(host.scan()) if each.name == "0000:01:00.0")
    with pytest.raises(NoSuchDevice, match="passed through have no display"):
        open_chosen(chosen, host.paths)
    host.pci("0000:00:02.0", "i915", 3)
    with pytest.raises(NoSuchDevice, match=r"0000:00:02.0 is no vGPU: its driver is i915"):
        open_device(Named("00:02.0"), host.paths)
    with pytest.raises(NoSuchDevice, match=r"no vGPU 0000:7f:00\.0"):
        open_device(Named("7f:00.0"), host.paths)


def test_function_without_a_type_says_how_it_becomes_a_vgpu(host: Host) -> None:
    host.nvidia_function("0000:41:00.4", "0000:41:00.0", 40)
    with pytest.raises(NoSuchDevice, match="has no vGPU type"):
        open_device(Named("41:00.4"), host.paths)
    with pytest.raises(NoSuchDevice, match=r"no vGPU (0000:)?41:00\.5"):
        open_device(Named("41:00.5"), host.paths)


@pytest.mark.parametrize("is_mdev", [True, False])
def test_free_vgpu_of_nvidia_is_not_opened_without_a_vm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_mdev: bool
) -> None:
    """The driver starts no other vGPU of the host until its manager has refused this one, for up to 25 s."""
    monkeypatch.setattr(opening, "open_vgpu", lambda *_: pytest.fail("it was opened"))
    host = Host(tmp_path / "other")
    name = UUID_A if is_mdev else "0000:41:00.4"
    if is_mdev:
        host.mdev(name, "nvidia-558", 1)
    else:
        host.nvidia_function(name, "0000:41:00.0", 1, 1152)
    with pytest.raises(NeedsRunningVm, match="only for a running VM") as caught:
        open_device(Named(name), host.paths)
    assert "journalctl -u nvidia-vgpu-mgr" in caught.value.remedy


def test_whether_a_vgpu_is_free_that_a_hidden_vm_may_have_is_told_by_an_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> FdDevice:
        raise DeviceBusy("in use by a process that cannot be seen", "")

    monkeypatch.setattr(opening, "open_vgpu", busy)
    host = Host(tmp_path / "other")
    host.mdev(UUID_A, "nvidia-558", 1)
    host.process(60, "kvm", ["kvm"], {10: "/dev/vfio/1"})
    hide_files(monkeypatch, 60)
    with pytest.raises(DeviceBusy):
        open_device(Named(UUID_A), host.paths)


def test_vgpu_taken_by_a_vm_since_it_was_looked_at_is_attached_to(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free, then EBUSY: between the look and the open a VM started."""
    started: list[Child] = []

    def busy(vgpu: Vgpu, _paths: Paths) -> FdDevice:
        started.append(_vm(vms))
        raise DeviceBusy(f"{vgpu.name} is in use", "")

    monkeypatch.setattr(opening, "open_vgpu", busy)
    opened = open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access()))
    assert opened.vm is not None
    assert opened.vm.pid == started[0].pid
    assert opened.label == f"{UUID_A} (VM a)"
    opened.device.close()


@pytest.mark.parametrize("target", [Named(UUID_A), Named(UUID_A[:6]), Default(), VmName("a"), "pid"])
def test_opening_walks_over_the_processes_once(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch, target: Target | str
) -> None:
    """Target, attach, identity and fetch rule share one scan: they walked four times and listed the VM's fds eleven."""
    vm = _vm(vms)
    other = vms.start("qemu-system-x86", qemu("b"))
    listings = Listings(host, monkeypatch)
    chosen = target if not isinstance(target, str) else Pid(vm.pid)
    open_target(chosen, host.paths, OpenOptions(access=vms.access())).close()
    assert listings.walks == 1
    assert listings.fds == {1: 1, vm.pid: 1, other.pid: 1}
    scan = host.scan()
    listings.clear()
    open_target(chosen, host.paths, OpenOptions(access=vms.access()), scan).close()
    assert listings.walks == 0
    assert not listings.fds


def test_free_vgpu_is_opened_after_one_walk(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    device = ScriptedDevice()
    monkeypatch.setattr(opening, "open_vgpu", lambda *_: device)
    listings = Listings(host, monkeypatch)
    open_device(Named(UUID_A), host.paths).device.close()
    assert listings.walks == 1


def test_vm_that_ended_since_the_scan_is_looked_for_again(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its vGPU is in use by its next process, or free."""
    old = _vm(vms)
    scan = host.scan()
    vms.ended(old)
    new = _vm(vms)
    listings = Listings(host, monkeypatch)
    opened = open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access()), scan)
    assert opened.vm is not None and opened.vm.pid == new.pid
    opened.device.close()
    assert listings.walks == 1
    vms.ended(new)
    with pytest.raises(NeedsRunningVm, match="no VM has it"):
        open_device(Named(UUID_A), host.paths, OpenOptions(alone=False, access=vms.access()), scan)


def test_pid_that_another_process_has_by_now_is_not_taken_for_the_vm(host: Host, vms: Vms) -> None:
    """Everything but the start time is the same: the scan saw the process before."""
    vm = _vm(vms)
    stat = host.paths.proc / str(vm.pid) / "stat"
    scan = host.scan()
    stat.write_text(stat_line(vm.pid, "qemu-system-x86", 1, vm.pid + 1))
    access = vms.access()
    with pytest.raises(ProcessGone, match="has ended"):
        attach_pid(vm.pid, None, scan, access)
    with pytest.raises(ProcessGone):
        attach(replace(discover(scan)[0]), scan, access)
    with pytest.raises(ProcessGone):
        attach_vm("a", scan, access)
    # Looked at again, it is a VM like any other.
    open_device(Pid(vm.pid), host.paths, OpenOptions(access=access), scan).device.close()


def test_nothing_stays_open_where_the_watch_for_the_vms_end_cannot_be_made(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    _vm(vms)

    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(opening, "VmDevice", fail)
    with pytest.raises(OpenFailed, match="EMFILE"):
        open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access()))


def test_device_is_closed_where_no_input_route_can_be_made(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    _vm(vms)
    opened = open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access()))

    def fail(*_: object) -> None:
        raise RecursionError("a command line that nobody thought of")

    monkeypatch.setattr(opening, "input_route", fail)
    with pytest.raises(RecursionError):
        opening.vfio_session(opened)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        opened.device.pread(4, 0)
