"""What the host knows of a session's device: its VM, its GPU, and the kernel's messages."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState
from app.diagnosis.picture.picture_facts import PictureFacts
from app.host.discovery import discover
from app.host.vm import Vm
from app.open import opening
from app.open.host_facts_source import HostFactsSource, state_of
from app.open.opening import open_target
from app.open.target import Named, Simulated
from app.qemu.qmp_address import UnixAddress
from app.sim.profile import open_simulated
from app.vm.input_route import InputRoute, NoInput, QmpInput
from tests.unit.app.diagnosis.picture.facts import picture
from tests.unit.hosts import UUID_A, Host, Listings, qemu, stat_line
from tests.unit.qmp_server import FakeVm

OPTIONS = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},x-igd-opregion=on,display=off"
NO_MONITOR = NoInput("its command line has no QMP socket")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    folder = host.mdev(UUID_A, "i915-GVTg_V5_4", 11, parent="pci0000:00/0000:00:02.0")
    gpu = folder.parent
    (gpu / "drm/renderD128").mkdir(parents=True)
    (gpu / "drm/renderD128/device").symlink_to(gpu)
    (gpu / "driver").symlink_to(host.paths.sys / "bus/pci/drivers/i915")
    (host.paths.sys / "bus/pci/drivers/i915").mkdir(parents=True)
    for link, target in (
        (host.paths.sys / "bus/pci/devices/0000:00:02.0", gpu),
        (host.paths.sys / "class/drm/renderD128", gpu / "drm/renderD128"),
    ):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    (host.paths.dev / "kmsg").write_bytes(b"3,1,1000,-;gvt: vgpu 1: \x1b[2Jbad\n3,2,2000,-;usb: bad\n")
    (host.paths.proc / "uptime").write_text("100.00 20.00\n")
    host.process(50, "qemu-system-x86", qemu("win10", "-nodefaults", "-device", OPTIONS))
    _stat(host, "S")
    return host


def _stat(host: Host, state: str, started: int = 4000) -> None:
    (host.paths.proc / "50/stat").write_text(stat_line(50, "qemu", 1, started).replace(") S", f") {state}"))


def _reader(host: Host, route: InputRoute = NO_MONITOR) -> HostFactsSource:
    (vgpu,) = discover(host.scan())
    arguments = tuple(qemu("win10", "-nodefaults", "-device", OPTIONS))
    return HostFactsSource.of(vgpu, Vm(50, "qemu-system-x86", "win10", arguments), route, host.paths)


def test_a_vm_of_libvirt_has_the_uri_of_that_and_another_one_none(host: Host) -> None:
    monitor = ("-chardev", "socket,id=charmonitor,fd=27,server=on", "-mon", "chardev=charmonitor,mode=control")
    for more, uri in (((), None), ((*monitor, "-object", "secret,file=/var/lib/libvirt/q"), "qemu:///system")):
        vm = Vm(50, "qemu-system-x86", "win10", tuple(qemu("win10", *more)))
        facts = HostFactsSource.of(None, vm, NO_MONITOR, host.paths).read()
        assert facts.vm is not None
        assert facts.vm.libvirt == uri


def test_all_facts_come_from_files_of_the_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = _reader(host)
    listings = Listings(host, monkeypatch)
    facts = reader.read()
    assert facts.exporter == ExporterFacts("0000:00:02.0", "i915", str(host.paths.dev / "dri/renderD128"))
    (line,) = facts.kernel_lines
    assert line.endswith(" ago: gvt: vgpu 1: [2Jbad")
    assert facts.kernel_log_refused == ""
    assert facts.vm is not None
    assert (facts.vm.pid, facts.vm.name, facts.vm.state) == (50, "win10", None)
    assert facts.vm.state_evidence == NO_MONITOR.reason
    assert facts.vm.age_s == pytest.approx(100 - 4000 / os.sysconf("SC_CLK_TCK"))
    assert (facts.vm.opregion, facts.vm.ramfb, facts.vm.display) == (True, False, "off")
    assert facts.vm.firmware_screen is None
    assert (listings.walks, listings.fds.total()) == (0, 0)


@pytest.mark.parametrize(
    ("state", "expected"), [("T", RunState.STOPPED), ("t", RunState.STOPPED), ("Z", RunState.SHUT_DOWN)]
)
def test_a_process_that_does_not_run_is_not_asked(host: Host, tmp_path: Path, state: str, expected: RunState) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        reader = _reader(host, QmpInput(UnixAddress(str(vm.path))))
        _stat(host, state)
        facts = reader.read().vm
        assert facts is not None and facts.state is expected
        assert vm.connections == 0


def test_the_monitor_tells_the_state(host: Host, tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        vm.answers["query-status"] = {"status": "io-error", "running": False}
        facts = _reader(host, QmpInput(UnixAddress(str(vm.path)))).read().vm
        assert facts is not None
        assert (facts.state, facts.state_evidence) == (RunState.FAILED, "query-status: io-error")


def test_another_process_with_the_same_pid_is_not_the_vm(host: Host) -> None:
    reader = _reader(host)
    _stat(host, "T", started=9000)
    facts = reader.read().vm
    assert facts is not None and facts.state is RunState.SHUT_DOWN
    (host.paths.proc / "50/stat").unlink()
    facts = reader.read().vm
    assert facts is not None and (facts.state, facts.state_evidence) == (RunState.SHUT_DOWN, "there is no process 50")


def test_a_log_that_cannot_be_read_is_told(host: Host) -> None:
    (host.paths.dev / "kmsg").unlink()
    facts = replace(_reader(host), vm=None).read()
    assert facts.vm is None
    assert "No such file" in facts.kernel_log_refused


def test_a_stopped_process_is_a_stopped_vm(tmp_path: Path) -> None:
    """A real process, in the real /proc."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            source = HostFactsSource.of(None, Vm(child.pid, "qemu", "win10", ()), NO_MONITOR)
            child.send_signal(signal.SIGSTOP)
            os.waitpid(child.pid, os.WUNTRACED)
            facts = source.read()
            assert facts.vm is not None and facts.vm.state is RunState.STOPPED
            (found,) = diagnose(picture(host=HostFacts(facts.vm)))
            assert (found.key, found.remedy) == ("vm-stopped", f"Let it go on: kill -CONT {child.pid}")
        finally:
            child.kill()


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("paused", "vm-paused"),
        ("suspended", "vm-suspended"),
        ("shutdown", "vm-shut-down"),
        ("internal-error", "vm-failed"),
    ],
)
def test_the_word_of_the_monitor_is_a_finding(host: Host, tmp_path: Path, word: str, key: str) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        vm.answers["query-status"] = {"status": word, "running": False}
        facts = _reader(host, QmpInput(UnixAddress(str(vm.path)))).read()
        assert diagnose(picture(host=facts))[0].key == key


def test_a_free_vgpu_whose_plane_is_off_has_no_vm(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free = Host(tmp_path / "free")
    free.mdev(UUID_A, "i915-GVTg_V5_4", 11)
    device = open_simulated("gvt,size=64x64,fault=off@0")
    monkeypatch.setattr(opening, "open_vgpu", lambda *_: device)
    session = open_target(Named(UUID_A), free.paths)
    try:
        status = session.source.latest().status
        (found,) = diagnose(PictureFacts("t", status, vgpu=session.vgpu, host=session.host_facts()))
        assert (found.key, found.evidence) == ("no-vm", f"{UUID_A}: no process has it open")
    finally:
        session.close()


def test_a_simulated_device_has_no_facts() -> None:
    session = open_target(Simulated("gvt,size=64x64"))
    try:
        assert session.host_facts() == HostFacts()
    finally:
        session.close()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("running", RunState.RUNNING),
        ("suspended", RunState.SUSPENDED),
        ("prelaunch", RunState.PAUSED),
        ("shutdown", RunState.SHUT_DOWN),
        ("guest-panicked", RunState.FAILED),
        ("a new word", None),
        (None, None),
    ],
)
def test_qemus_words(word: str | None, state: RunState | None) -> None:
    assert state_of(word) is state
