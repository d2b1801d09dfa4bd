"""Starting VMs, with a stand-in for QEMU and a fake sysfs."""

import errno
import os
import resource
import signal
from pathlib import Path

import pytest

from app.errors import DeviceBusy, MdevviewError, NoSuchDevice, PermissionDenied, UsageError
from app.host import mdev
from app.host.discovery import discover
from app.host.scan import HostScan
from app.qemu.qmp_address import UnixAddress
from app.vm import started_vm
from app.vm.child import Child
from app.vm.started_vm import StartedVm, StartOptions, memory_hint, start_vm, terminate
from tests.conftest import open_files
from tests.unit.fake_qemu import FakeQemu
from tests.unit.hosts import UUID_A, UUID_B, Host

_PATIENCE_S = 60.0


pytestmark = pytest.mark.usefixtures("runtime")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path / "host")
    host.mdev_type("mbochs", "mbochs-small", left="4")
    return host


def _options(fake_qemu: FakeQemu, *more: str, **wanted: str | None) -> StartOptions:
    arguments = (str(fake_qemu.program), *more)
    return StartOptions(arguments, wanted.get("uuid"), wanted.get("type"), wanted.get("parent"))


def _gone(pid: int) -> bool:
    """Not even a zombie."""
    return not Path(f"/proc/{pid}").exists()


def test_missing_arguments_are_added_and_nothing_is_left(host: Host, tmp_path: Path, runtime: Path) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    fake_qemu = FakeQemu(tmp_path)
    running = start_vm(_options(fake_qemu, "-name", "guest one", "-m", "2G"), host.paths)
    try:
        (folder,) = runtime.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        report = fake_qemu.reported(running)
        # First the user's arguments, unchanged.
        assert report["arguments"] == [
            *("-name", "guest one", "-m", "2G"),
            *("-qmp", f"unix:path={folder}/qmp,server=on,wait=off"),
            *("-device", f"vfio-pci,sysfsdev={host.paths.sys}/bus/mdev/devices/{UUID_A},display=off"),
        ]
        # Its own session: it gets no Ctrl-C from the terminal, and has the same standard input.
        assert report["session"]
        assert report["stdin"] == str(Path("/proc/self/fd/0").readlink())
        assert (running.vgpu, running.created, running.monitor) == (UUID_A, None, UnixAddress(f"{folder}/qmp"))
    finally:
        running.close()
    assert running.child.poll() == 0
    assert _gone(running.child.pid)
    running.close()


def test_a_dbus_display_is_shown_without_a_vgpu_through_a_socket_that_passes_fds(
    host: Host, tmp_path: Path, runtime: Path
) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    fake_qemu = FakeQemu(tmp_path)
    own = ("-display", "dbus,p2p=yes", "-qmp", "tcp:localhost:4444,server=on")
    running = start_vm(_options(fake_qemu, *own), host.paths)
    try:
        (folder,) = runtime.iterdir()
        added = ("-qmp", f"unix:path={folder}/qmp,server=on,wait=off")
        assert fake_qemu.reported(running)["arguments"] == [*own, *added]
        assert (running.shows_console, running.vgpu) == (True, None)
        assert running.monitor == UnixAddress(f"{folder}/qmp")
    finally:
        running.close()


def test_complete_command_line_is_not_changed(host: Host, tmp_path: Path, runtime: Path) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    fake_qemu = FakeQemu(tmp_path)
    monitor = f"unix:path={runtime}/own,server=on,wait=off"
    device = f"vfio-pci,sysfsdev={host.paths.sys}/bus/mdev/devices/{UUID_A},display=on"
    arguments = ["-qmp", monitor, "-device", device]
    running = start_vm(_options(fake_qemu, *arguments), host.paths)
    try:
        assert fake_qemu.reported(running)["arguments"] == arguments
        assert running.monitor == UnixAddress(f"{runtime}/own")
    finally:
        running.close()
    (runtime / "own").unlink()


def test_cdev_and_iommufd_are_passed_open_where_qemu_takes_them(host: Host, tmp_path: Path) -> None:
    host.mdev(UUID_A, "mbochs-small", 7, cdev="vfio3")
    nodes = [host.paths.dev / "iommu", host.paths.dev / "vfio/devices/vfio3"]
    nodes[1].parent.mkdir()
    for node in nodes:
        node.touch()
    fake_qemu = FakeQemu(tmp_path, takes_fds=True)
    running = start_vm(_options(fake_qemu), host.paths)
    try:
        report = fake_qemu.reported(running)
        assert sorted(report["fds"].values()) == sorted(map(str, nodes))
        *_, object_, _, device = report["arguments"]
        number = object_.partition("fd=")[2]
        assert object_ == f"iommufd,id=mdevview-iommufd,fd={number}"
        assert report["fds"][number] == str(nodes[0])
        assert device.startswith(f"vfio-pci,sysfsdev={host.paths.sys}/bus/mdev/devices/{UUID_A},display=off,")
        assert report["fds"][device.partition(",fd=")[2]] == str(nodes[1])
        # If they were open here too, the VM could not start again.
        assert not open_files().keys() & set(map(str, nodes))
    finally:
        running.close()


@pytest.mark.parametrize("lacking", ["qemu", "iommu", "cdev"])
def test_iommu_group_is_used_if_the_cdev_cannot_be(host: Host, tmp_path: Path, lacking: str) -> None:
    host.mdev(UUID_A, "mbochs-small", 7, cdev="vfio3")
    (host.paths.dev / "vfio/devices").mkdir()
    if lacking != "iommu":
        (host.paths.dev / "iommu").touch()
    if lacking != "cdev":
        (host.paths.dev / "vfio/devices/vfio3").touch()
    fake_qemu = FakeQemu(tmp_path, takes_fds=lacking != "qemu")
    running = start_vm(_options(fake_qemu), host.paths)
    try:
        report = fake_qemu.reported(running)
        assert (report["arguments"][-1][-12:], report["fds"]) == (",display=off", {})
    finally:
        running.close()


class _Mdevs:
    """A kernel that creates and removes mdevs in the fake sysfs."""

    def __init__(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = host
        self.removed: list[str] = []
        self.refusal: MdevviewError | None = None
        monkeypatch.setattr(mdev, "create", self._create)
        monkeypatch.setattr(mdev, "remove", self._remove)

    def _create(self, kind: mdev.MdevType, uuid: str) -> None:
        self.host.mdev(uuid, kind.id, 9)

    def _remove(self, uuid: str, paths: object) -> None:
        assert paths == self.host.paths
        # Nobody may have the device open now, or the kernel would wait.
        self.removed.append(uuid)
        if self.refusal is not None:
            raise self.refusal


def test_vgpu_is_created_and_removed_after_the_end(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mdevs, fake_qemu = _Mdevs(host, monkeypatch), FakeQemu(tmp_path)
    running = start_vm(_options(fake_qemu, type="small"), host.paths)
    try:
        (created,) = discover(HostScan.take(host.paths))
        assert (running.vgpu, running.created and running.created.id) == (created.name, "mbochs-small")
        assert fake_qemu.reported(running)["arguments"][-1].endswith(f"/{created.name},display=off")
        assert mdevs.removed == []
    finally:
        running.close()
    assert mdevs.removed == [created.name]
    running.close()
    assert mdevs.removed == [created.name]


def test_vgpu_that_cannot_be_removed_is_reported_and_everything_else_is_removed(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mdevs, fake_qemu = _Mdevs(host, monkeypatch), FakeQemu(tmp_path)
    mdevs.refusal = DeviceBusy("in use by another viewer")
    running = start_vm(_options(fake_qemu, type="small", uuid=UUID_B.upper()), host.paths)
    with pytest.raises(DeviceBusy, match="another viewer"):
        running.close()
    assert mdevs.removed == [UUID_B]
    assert _gone(running.child.pid)


def test_vm_that_is_kept_keeps_what_was_created_for_it(
    host: Host, tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mdevs, fake_qemu = _Mdevs(host, monkeypatch), FakeQemu(tmp_path)
    running = start_vm(_options(fake_qemu, type="small"), host.paths)
    fake_qemu.reported(running)
    running.keep()
    caplog.clear()
    running.close()
    terminate(running.child)
    assert caplog.messages == []
    assert mdevs.removed == []
    assert not _gone(running.child.pid)
    (folder,) = runtime.iterdir()
    # It is still a child of this test.
    os.kill(running.child.pid, signal.SIGKILL)
    os.waitpid(running.child.pid, 0)
    (folder / "qmp").unlink(missing_ok=True)
    folder.rmdir()


@pytest.mark.parametrize(
    ("program", "kind", "says"),
    [
        ("no-such-program", UsageError, "there is no program 'no-such-program'"),
        ("/dev/null", PermissionDenied, "/dev/null: permission denied"),
    ],
)
def test_program_that_does_not_start_leaves_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, program: str, kind: type[MdevviewError], says: str
) -> None:
    mdevs = _Mdevs(host, monkeypatch)
    with pytest.raises(kind, match=says):
        start_vm(StartOptions((program,), type="small", uuid=UUID_A), host.paths)
    assert mdevs.removed == [UUID_A]


def test_vm_that_cannot_be_watched_does_not_run_and_leaves_nothing(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mdevs, fake_qemu, pids = _Mdevs(host, monkeypatch), FakeQemu(tmp_path), []

    def no_fd_left(pid: int) -> int:
        pids.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", no_fd_left)
    with pytest.raises(MdevviewError, match=r"was started but cannot be watched: EMFILE: .*; it was killed at once"):
        start_vm(_options(fake_qemu, type="small", uuid=UUID_A), host.paths)
    (pid,) = pids
    assert _gone(pid)
    assert mdevs.removed == [UUID_A]


def test_vm_is_ended_before_what_it_uses_is_removed_when_a_later_step_of_the_start_fails(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mdevs, fake_qemu, children = _Mdevs(host, monkeypatch), FakeQemu(tmp_path), []

    def fail(child: Child, *_: object, **__: object) -> StartedVm:
        children.append(child)
        assert mdevs.removed == []
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(started_vm, "StartedVm", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        start_vm(_options(fake_qemu, type="small", uuid=UUID_A), host.paths)
    (child,) = children
    assert _gone(child.pid)
    assert child.fileno() == -1
    assert mdevs.removed == [UUID_A]


def test_child_that_the_kernel_reaps_has_ended() -> None:
    """With SIGCHLD ignored, as a parent may leave it, there is no exit status."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        # It ends after this process has a pidfd of it.
        child = Child.start(["sh", "-c", "sleep 0.5; exit 3"])
        assert child.wait(_PATIENCE_S) is not None
        child.send(signal.SIGTERM)
        child.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_vgpu_in_use_is_not_given_to_a_second_vm(host: Host, tmp_path: Path) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    host.process(80, "qemu-system-x86", ["qemu", "-name", "first"], {9: "/dev/vfio/7"})
    with pytest.raises(DeviceBusy, match=rf"in use by qemu-system-x86 80 \(VM first\); 'mdevview view {UUID_A}'"):
        start_vm(_options(FakeQemu(tmp_path), uuid=UUID_A), host.paths)


def test_missing_permission_is_reported_with_its_remedy(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(PermissionDenied, match=r"vfio/7 \(.*\); .*udev rule"):
        start_vm(_options(FakeQemu(tmp_path)), host.paths)


def test_wrong_options_are_reported_before_anything_is_created(host: Host, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--type"):
        start_vm(_options(FakeQemu(tmp_path), parent="mbochs"), host.paths)
    with pytest.raises(UsageError, match="no whole UUID"):
        start_vm(_options(FakeQemu(tmp_path), type="small", uuid="83b8"), host.paths)
    with pytest.raises(NoSuchDevice, match="no free vGPU"):
        start_vm(_options(FakeQemu(tmp_path)), host.paths)


def test_runtime_folder_too_long_for_a_socket_is_not_used(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.mdev(UUID_A, "mbochs-small", 7)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/" + 100 * "x")
    running = start_vm(_options(FakeQemu(tmp_path)), host.paths)
    try:
        assert isinstance(running.monitor, UnixAddress)
        assert len(running.monitor.path) < 108
        assert Path(running.monitor.path).parent.is_dir()
    finally:
        running.close()
    assert not Path(running.monitor.path).parent.exists()


@pytest.mark.parametrize(("manner", "status"), [("", 0), ("stubborn", -signal.SIGKILL), ("wrong", 1)])
def test_vm_is_ended_by_a_signal_and_reaped(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manner: str, status: int
) -> None:
    monkeypatch.setattr(started_vm, "_TERM_TIMEOUT_S", 0.3 if manner == "stubborn" else _PATIENCE_S)
    host.mdev(UUID_A, "mbochs-small", 7)
    fake_qemu = FakeQemu(tmp_path)
    running = start_vm(_options(fake_qemu, "-name", manner), host.paths)
    if manner == "wrong":
        assert running.child.wait(_PATIENCE_S) == 1
    else:
        fake_qemu.reported(running)
    terminate(running.child)
    running.close()
    assert running.child.poll() == status
    assert _gone(running.child.pid)


def test_signal_to_another_users_process_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU after -runas."""
    child = Child.start(["sleep", "60"])
    send = signal.pidfd_send_signal

    def refuse(_fd: int, _number: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    terminate(child)
    monkeypatch.setattr(signal, "pidfd_send_signal", send)
    assert child.poll() is None
    terminate(child)
    assert child.poll() == -signal.SIGTERM
    child.close()


def test_limit_of_locked_memory_is_named_where_it_is_low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for limit, told in ((8 << 20, "8192 KiB"), (resource.RLIM_INFINITY, None), (64 << 30, None)):
        monkeypatch.setattr(resource, "getrlimit", lambda _which, limit=limit: (limit, limit))
        assert told in memory_hint() if told else memory_hint() == ""
