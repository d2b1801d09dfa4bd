"""A device that ended, as its poller tells it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.open.opening import OpenOptions, open_device
from app.open.target import Pid
from app.planes.status import Reason, Status
from tests.unit.hosts import UUID_A, Host, qemu
from tests.unit.vms import Vms, vms_on


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


def test_vms_end_is_the_next_polls_answer_and_lets_everything_go(host: Host, vms: Vms) -> None:
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"
    vm = vms.start("qemu-system-x86", qemu("a", "-device", device), ["mbochs"], groups=[1])
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
