"""How often a driver may be asked for a buffer: a mistake here corrupts the kernel of the host."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.device.seam import Device
from app.host.paths import Paths
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.open.opening import OpenOptions, open_device
from app.open.target import Named, Target, VmName
from app.planes.frame import Frame
from app.planes.status import Reason
from app.vfio import fetch_rule
from app.vfio.buffer_cache import FetchRule
from app.vfio.fetch_rule import rule_of, rule_of_fd
from tests import gate
from tests.unit.app.device.region_device import RegionDevice
from tests.unit.command import REPOSITORY
from tests.unit.hosts import UUID_A, UUID_B, Host, hide_files, qemu
from tests.unit.scripted import ScriptedDevice
from tests.unit.vms import Child, Vms, device_of, vms_on


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
    assert rule_of_fd(device, paths) is rule


def test_without_the_module_a_device_is_not_even_asked_what_it_is(tmp_path: Path) -> None:
    assert rule_of_fd(ScriptedDevice(), Paths(sys=tmp_path)) is FetchRule.FREELY


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


_VIEWER = "tests.unit.app.vfio.programs.viewer"
OFF = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"


NO_OPTION = OFF.removesuffix(",display=off")
AUTO = f"{NO_OPTION},display=auto"


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
        (AUTO, (), False),
        # Without OpenGL, QEMU's "auto" shows no dma-bufs.
        (AUTO, ("-display", "none"), True),
        (AUTO, ("-nographic",), True),
        (AUTO, ("-display", "egl-headless"), False),
        (AUTO, ("-display", "none", "-spice", "gl=on"), False),
        # Without the option it is off, in any window of QEMU's.
        (NO_OPTION, (), True),
        (NO_OPTION, ("-display", "gtk,gl=on"), True),
        (NO_OPTION, ("-machine", "pc-i440fx-2.12", "-display", "gtk,gl=on"), False),
        (f"{NO_OPTION},display", (), False),
        (f"{NO_OPTION},nodisplay", (), True),
        (NO_OPTION, ("-global", "vfio-pci.display=on"), False),
        (NO_OPTION, ("-global", "driver=vfio-pci,property=display,value=on"), False),
        (NO_OPTION, ("-global", "virtio-vga.display=on"), True),
        (OFF, ("-global", "vfio-pci.display=on"), True),
        (f"{OFF},id=gpu", ("-set", "device.gpu.display=on"), False),
        (f"{NO_OPTION},display=on,id=gpu", ("-set", "device.gpu.display=off"), True),
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
    assert "is no known VMM" in _refusal(host, vms)[1]
    vms.ended(vm)
    host.mdev(UUID_B, "mbochs-small", 2)
    devices = [word for each in (UUID_A, UUID_B) for word in ("-device", OFF.replace(UUID_A, each))]
    vms.start("qemu-system-x86", qemu("a", *devices), ["mbochs", "mbochs"], groups=[1, 2])
    assert "it is unknown which of the VM's devices" in _refusal(host, vms)[1]


def test_vm_of_another_user_is_judged_by_its_command_line(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = _vm(vms)
    hide_files(monkeypatch, vm.pid)
    with _shown(host, vms, Named(UUID_A), helped=True) as (frame, _):
        assert frame.status.reason is Reason.OK


def _view(host: Host, vms: Vms) -> tuple[Reason, str]:
    with _shown(host, vms, Named(UUID_A)) as (frame, _):
        return frame.status.reason, frame.status.detail


def test_process_with_a_viewers_name_and_the_vms_open_file_refuses(host: Host, vms: Vms) -> None:
    """It keeps no record here: a viewer in a container, or any program that took the name."""
    vm = _vm(vms)
    other = vms.start("mdevview", ["mdevview", "view"], of=vm)
    assert _view(host, vms) == (
        Reason.FETCHED_ELSEWHERE,
        f"mdevview {other.pid} holds the device, or one like it, too",
    )
    vms.ended(other)
    assert _view(host, vms)[0] is Reason.OK


def test_viewer_of_another_vm_refuses_where_the_kernel_does_not_compare_files(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    _vm(vms)
    vms.start("mdevview", ["mdevview", "view"], ["mbochs"])

    def denied(*_: int) -> bool:
        raise PermissionError

    monkeypatch.setattr(fetch_rule, "is_same_file", denied)
    assert _view(host, vms)[0] is Reason.FETCHED_ELSEWHERE
    monkeypatch.undo()
    assert _view(host, vms)[0] is Reason.OK


def test_viewer_in_another_mount_namespace_fetches_nothing(host: Host, vms: Vms) -> None:
    """A container or a Flatpak has its own /dev/shm, and so its own record. Two viewers fetched the same buffer."""
    if os.geteuid() != 0:
        gate.unavailable("a mount namespace of its own takes root")
    _vm(vms)
    root = host.paths.dev.parent
    shm = host.paths.dev / "shm"
    mounted = f'mount --make-rprivate / && mount -t tmpfs none "{shm}" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-m", _VIEWER, str(root), UUID_A]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as viewer:
        assert viewer.stdout is not None
        answer = viewer.stdout.readline()
        # It is still open, and the record here is not that viewer's.
        own = _view(host, vms)
        viewer.communicate("")
    assert answer.startswith(f"fetched-elsewhere {shm} is another folder for its VM"), answer
    assert own[0] is Reason.OK, own


def test_vm_in_another_pid_namespace_is_not_fetched_from(host: Host, vms: Vms) -> None:
    vm = _vm(vms)
    link = host.paths.proc / str(vm.pid) / "ns/pid"
    link.unlink()
    link.symlink_to("/proc/self/ns/net")
    reason, detail = _view(host, vms)
    assert reason is Reason.FETCHED_ELSEWHERE
    assert "PID namespace" in detail


def test_vm_whose_namespaces_cannot_be_seen_is_not_fetched_from(host: Host, vms: Vms) -> None:
    vm = _vm(vms)
    (host.paths.proc / str(vm.pid) / "root").unlink()
    reason, detail = _view(host, vms)
    assert reason is Reason.FETCHED_ELSEWHERE
    assert "it is unknown whether its VM shares" in detail


def test_command_line_that_was_read_in_part_does_not_tell_all(host: Host, vms: Vms) -> None:
    vms.start("qemu-system-x86", qemu("a", "-device", OFF, *["-x"] * 100_000), ["mbochs"], groups=[1])
    (process,) = HostScan.take(host.paths).processes
    assert process.arguments_cut
    assert _view(host, vms) == (Reason.FETCHED_ELSEWHERE, "its VM's command line does not have all its settings")
