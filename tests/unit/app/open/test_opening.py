"""How often a source lets its driver be asked for a buffer: a mistake here corrupts the kernel of the host."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach.running_vm import attach, attach_pid, attach_vm
from app.device.seam import Device, FdDevice
from app.errors import DeviceBusy, NeedsRunningVm, NoSuchDevice, OpenFailed, ProcessGone
from app.host.discovery import discover
from app.host.paths import Paths
from app.host.vgpu import Vgpu
from app.open import opening
from app.open.opening import OpenOptions, open_device
from app.open.target import Default, Named, Pid, Target, VmName
from app.planes.frame import Frame
from app.planes.status import Reason, Status
from app.vfio.buffer_cache import FetchRule
from app.vfio.fetch_rule import rule_of, rule_of_unknown
from tests.unit.app.device.test_info import RegionDevice
from tests.unit.hosts import UUID_A, UUID_B, Host, Listings, hide_files, qemu
from tests.unit.scripted import ScriptedDevice
from tests.unit.vms import Child, Vms, device_of, stat_line, vms_on


@pytest.mark.parametrize(
    ("driver", "module", "rule"),
    [
        ("mbochs", "mbochs", FetchRule.ONCE),
        ("mbochs", "mbochs_rw", FetchRule.FREELY),
        # sysfs does not tell: better too careful.
        ("mbochs", None, FetchRule.ONCE),
        ("intel_vgpu_mdev", "kvmgt", FetchRule.FREELY),
        (None, None, FetchRule.FREELY),
    ],
)
def test_the_rule_follows_the_module_else_the_driver(driver: str | None, module: str | None, rule: FetchRule) -> None:
    assert rule_of(Vgpu("one", driver=driver, module=module)) is rule


class ConfigDevice(RegionDevice):
    """Its configuration space holds these bytes."""

    identity = b""

    def pread(self, length: int, offset: int) -> bytes:
        return self.identity[:length]


@pytest.mark.parametrize(
    ("identity", "rule"),
    [
        (bytes.fromhex("34121111"), FetchRule.NEVER),
        (bytes.fromhex("86801219"), FetchRule.FREELY),
        (b"", FetchRule.NEVER),
        (bytes.fromhex("8680"), FetchRule.NEVER),
    ],
)
def test_an_unknown_device_is_asked_only_when_it_is_surely_not_mbochs(
    identity: bytes, rule: FetchRule, tmp_path: Path
) -> None:
    paths = Paths(sys=tmp_path)
    (tmp_path / "module/mbochs").mkdir(parents=True)
    device = ConfigDevice()
    device.identity = identity
    assert rule_of_unknown(device, paths) is rule


def test_without_the_module_a_device_is_not_even_asked_what_it_is(tmp_path: Path) -> None:
    assert rule_of_unknown(ScriptedDevice(), Paths(sys=tmp_path)) is FetchRule.FREELY


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


@contextmanager
def _shown(host: Host, vms: Vms, target: Target, helped: bool = False) -> Iterator[tuple[Frame, list[str]]]:
    """A first picture of it, and what the driver was asked for."""
    asked: list[str] = []

    def device(fd: int) -> Device:
        device = device_of(fd)
        device.asked = asked
        return device

    access = replace(vms.access(helped), device=device)
    poller = open_device(target, host.paths, OpenOptions(request_fds=access.request_fds, access=access)).poller()
    try:
        yield poller.latest(), asked
    finally:
        poller.close()


def _refusal(host: Host, vms: Vms, helped: bool = False) -> tuple[Reason, str]:
    with _shown(host, vms, Named(UUID_A), helped) as (frame, asked):
        assert "get 1" not in asked, "refused before it is asked for"
    return frame.status.reason, frame.status.detail


def test_first_viewer_of_a_vm_is_shown_and_a_second_is_not(host: Host, vms: Vms) -> None:
    _vm(vms)
    with _shown(host, vms, Named(UUID_A)) as (frame, asked):
        assert frame.status.reason is Reason.OK
        assert asked.count("get 1") == 1
        reason, detail = _refusal(host, vms)
        assert (reason, detail) == (Reason.FETCHED_ELSEWHERE, f"process {os.getpid()} shows this VM already")
    reason, detail = _refusal(host, vms)
    assert reason is Reason.FETCHED_BEFORE
    assert "earlier viewer fetched buffer 1" in detail


def test_next_start_of_the_vm_is_shown_again(host: Host, vms: Vms) -> None:
    for _ in range(2):
        vm = _vm(vms)
        with _shown(host, vms, VmName("a")) as (frame, _):
            assert frame.status.reason is Reason.OK
        vms.ended(vm)


@pytest.mark.parametrize(
    ("device", "more", "may"),
    [
        (OFF, (), True),
        (OFF.replace("off", "on"), ("-display", "gtk,gl=on"), False),
        (OFF.replace(",display=off", ""), (), False),
        # Without OpenGL, QEMU's "auto" shows no dma-bufs.
        (OFF.replace(",display=off", ""), ("-display", "none"), True),
        (OFF.replace(",display=off", ""), ("-nographic",), True),
        (OFF.replace(",display=off", ""), ("-display", "egl-headless"), False),
        (OFF.replace(",display=off", ""), ("-display", "none", "-spice", "gl=on"), False),
        (OFF.replace(",display=off", ""), ("-display", "none", "-global", "vfio-pci.display=on"), False),
        (OFF, ("-readconfig", "vm.cfg"), False),
        (OFF, ("-set", "device.gpu.display=on"), False),
        ("vfio-pci,fd=9,display=off", (), True),
        ("virtio-net", (), False),
    ],
)
def test_vm_that_may_show_its_device_itself_keeps_it(
    host: Host, vms: Vms, device: str, more: tuple[str, ...], may: bool
) -> None:
    _vm(vms, *more, device=device)
    with _shown(host, vms, Named(UUID_A)) as (frame, asked):
        assert frame.status.reason is (Reason.OK if may else Reason.FETCHED_ELSEWHERE)
        assert ("get 1" in asked) is may


@pytest.mark.parametrize(("exporter", "reason"), [("mbochs", Reason.FETCHED_ELSEWHERE), ("i915", Reason.OK)])
def test_vm_that_holds_buffers_of_the_driver_keeps_its_device(
    host: Host, vms: Vms, exporter: str, reason: Reason
) -> None:
    vm = _vm(vms, links=["/dmabuf:"])
    (host.paths.proc / str(vm.pid) / "fdinfo/600").write_text(f"size:\t4096\nexp_name:\t{exporter}\n")
    with _shown(host, vms, Named(UUID_A)) as (frame, _):
        assert frame.status.reason is reason


@pytest.mark.parametrize(
    ("comm", "arguments", "groups", "vm_name"),
    [("qemu-system-x86", qemu("a", "-device", OFF), [1], " (VM a)"), ("looker", ["looker"], [], "")],
)
def test_other_process_with_the_device_refuses(
    host: Host, vms: Vms, comm: str, arguments: list[str], groups: list[int], vm_name: str
) -> None:
    """A fork of the VM, or a program that keeps no record: what it fetched nobody knows."""
    vm = _vm(vms)
    other = vms.start(comm, arguments, ["mbochs"], groups=groups, parent=vm.pid)
    assert f"{comm} {other.pid}{vm_name} holds the device" in _refusal(host, vms)[1]


def test_viewer_keeps_the_record_and_does_not_refuse(host: Host, vms: Vms) -> None:
    _vm(vms)
    vms.start("mdevview", ["mdevview", "view"], ["mbochs"])
    with _shown(host, vms, Named(UUID_A)) as (frame, _):
        assert frame.status.reason is Reason.OK


def test_unknown_vm_monitor_and_unknown_device_are_not_fetched_from(host: Host, vms: Vms) -> None:
    vm = vms.start("looker", ["looker"], ["mbochs"], groups=[1])
    assert "no known VM monitor" in _refusal(host, vms)[1]
    vms.ended(vm)
    host.mdev(UUID_B, "mbochs-small", 2)
    devices = [word for each in (UUID_A, UUID_B) for word in ("-device", OFF.replace(UUID_A, each))]
    vms.start("qemu-system-x86", qemu("a", *devices), ["mbochs", "mbochs"], groups=[1, 2])
    assert "cannot be told" in _refusal(host, vms)[1]


def test_vm_of_another_user_is_judged_by_its_command_line(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = _vm(vms)
    hide_files(monkeypatch, vm.pid)
    with _shown(host, vms, Named(UUID_A), helped=True) as (frame, _):
        assert frame.status.reason is Reason.OK


def test_free_vgpu_is_left_to_its_vm_where_a_vm_is_waited_for(host: Host) -> None:
    with pytest.raises(NeedsRunningVm, match="no VM has it"):
        open_device(Named(UUID_A), host.paths, OpenOptions(alone=False))
    with pytest.raises(NoSuchDevice):
        open_device(Default(), Paths(host.paths.sys / "none", proc=host.paths.proc), OpenOptions(alone=False))


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


def test_vms_end_is_the_next_polls_answer_and_lets_everything_go(host: Host, vms: Vms) -> None:
    vm = _vm(vms)
    opened = open_device(Pid(vm.pid), host.paths, OpenOptions(access=vms.access()))
    assert opened.process is not None
    assert opened.ended() is None
    poller = opened.poller()
    shown = poller.latest()
    vm.end()
    frame = poller.latest()
    assert frame.status == Status(Reason.VM_ENDED, f"qemu-system-x86 {vm.pid} (VM a) ended")
    assert shown.primary is not None and shown.primary.buffer.released
    poller.close()
    assert opened.process.fileno() == -1


@pytest.mark.parametrize("target", [Named(UUID_A), Named(UUID_A[:6]), Default(), VmName("a"), "pid"])
def test_opening_walks_over_the_processes_once(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch, target: Target | str
) -> None:
    """Target, attach, identity and fetch rule share one scan: they walked four times and listed the VM's fds eleven."""
    vm = _vm(vms)
    other = vms.start("qemu-system-x86", qemu("b"))
    listings = Listings(host, monkeypatch)
    chosen = target if not isinstance(target, str) else Pid(vm.pid)
    opened = open_device(chosen, host.paths, OpenOptions(access=vms.access()))
    opened.device.close()
    assert listings.walks == 1
    assert listings.fds == {1: 1, vm.pid: 1, other.pid: 1}
    scan = host.scan()
    listings.clear()
    open_device(chosen, host.paths, OpenOptions(access=vms.access()), scan).device.close()
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

    monkeypatch.setattr(opening, "LentDevice", fail)
    with pytest.raises(OpenFailed, match="EMFILE"):
        open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access()))
