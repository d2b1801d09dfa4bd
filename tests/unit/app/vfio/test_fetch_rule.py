"""Who else may have fetched from a VM's device: what a name cannot tell, the kernel tells."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.host.scan import HostScan
from app.open.opening import OpenOptions, open_device
from app.open.target import Named
from app.planes.status import Reason
from app.vfio import fetch_rule
from tests.unit.hosts import UUID_A, Host, qemu
from tests.unit.vms import Child, Vms, vms_on

DEVICE = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


@pytest.fixture
def vm(vms: Vms) -> Child:
    return vms.start("qemu-system-x86", qemu("a", "-device", DEVICE), ["mbochs"], groups=[1])


def _view(host: Host, vms: Vms) -> tuple[Reason, str]:
    poller = open_device(Named(UUID_A), host.paths, OpenOptions(access=vms.access())).poller()
    try:
        status = poller.latest().status
    finally:
        poller.close()
    return status.reason, status.detail


def test_process_with_a_viewers_name_and_the_vms_open_file_refuses(host: Host, vms: Vms, vm: Child) -> None:
    """It keeps no record here: a viewer in a container, or any program that took the name."""
    other = vms.start("mdevview", ["mdevview", "view"], of=vm)
    assert _view(host, vms) == (
        Reason.FETCHED_ELSEWHERE,
        f"mdevview {other.pid} holds the device, or one like it, too",
    )
    vms.ended(other)
    assert _view(host, vms)[0] is Reason.OK


def test_viewer_of_another_vm_refuses_where_the_kernel_does_not_compare_files(
    host: Host, vms: Vms, vm: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    vms.start("mdevview", ["mdevview", "view"], ["mbochs"])

    def denied(*_: int) -> bool:
        raise PermissionError

    monkeypatch.setattr(fetch_rule, "is_same_file", denied)
    assert _view(host, vms)[0] is Reason.FETCHED_ELSEWHERE
    monkeypatch.undo()
    assert _view(host, vms)[0] is Reason.OK


_VIEWER = """
import sys
from pathlib import Path
from app.attach.duplicates import ProcessAccess
from app.host.paths import Paths
from app.open.opening import OpenOptions, open_device
from app.open.target import Named
from tests.unit.vms import device_of, link_of
root, name = Path(sys.argv[1]), sys.argv[2]
options = OpenOptions(access=ProcessAccess(device=device_of, link=link_of))
poller = open_device(Named(name), Paths(root / "sys", root / "dev", root / "proc"), options).poller()
status = poller.latest().status
print(status.reason.key, status.detail, flush=True)
sys.stdin.read()
poller.close()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace of its own takes root")
def test_viewer_in_another_mount_namespace_fetches_nothing(host: Host, vms: Vms, vm: Child) -> None:
    """A container or a Flatpak has its own /dev/shm, and so its own record. Two viewers fetched the same buffer."""
    root = host.paths.dev.parent
    shm = host.paths.dev / "shm"
    mounted = f'mount --make-rprivate / && mount -t tmpfs none "{shm}" && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mounted, "sh", sys.executable, "-c", _VIEWER, str(root), UUID_A]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as viewer:
        assert viewer.stdout is not None
        answer = viewer.stdout.readline()
        # It is still open, and the record here is not that viewer's.
        own = _view(host, vms)
        viewer.communicate("")
    assert answer.startswith(f"fetched-elsewhere {shm} is another folder for its VM"), answer
    assert own[0] is Reason.OK, own


def test_vm_in_another_pid_namespace_is_not_fetched_from(host: Host, vms: Vms, vm: Child) -> None:
    link = host.paths.proc / str(vm.pid) / "ns/pid"
    link.unlink()
    link.symlink_to("/proc/self/ns/net")
    reason, detail = _view(host, vms)
    assert reason is Reason.FETCHED_ELSEWHERE
    assert "PID namespace" in detail


def test_vm_whose_namespaces_cannot_be_seen_is_not_fetched_from(host: Host, vms: Vms, vm: Child) -> None:
    (host.paths.proc / str(vm.pid) / "root").unlink()
    reason, detail = _view(host, vms)
    assert reason is Reason.FETCHED_ELSEWHERE
    assert "cannot be seen" in detail


def test_command_line_that_was_read_in_part_does_not_tell_all(host: Host, vms: Vms) -> None:
    vms.start("qemu-system-x86", qemu("a", "-device", DEVICE, *["-x"] * 100_000), ["mbochs"], groups=[1])
    (process,) = HostScan.take(host.paths).processes
    assert process.arguments_cut
    assert _view(host, vms) == (Reason.FETCHED_ELSEWHERE, "its VM's command line does not tell all its settings")
