"""Opening a target: alone, or by attaching to the VM that has it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.device.seam import FdDevice
from app.errors import DeviceBusy, NeedsRunningVm, NoSuchDevice
from app.host.paths import Paths
from app.host.vgpu import Vgpu
from app.open import opening
from app.open.opening import OpenOptions, open_device
from app.open.target import Default, Named
from tests.unit.hosts import UUID_A, Host, qemu
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


def test_vgpu_taken_by_a_vm_since_it_was_looked_at_is_attached_to(
    host: Host, vms: Vms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free, then EBUSY: between the look and the open a VM started."""
    started: list[Child] = []

    def busy(vgpu: Vgpu, _paths: Paths) -> FdDevice:
        started.append(_vm(vms))
        raise DeviceBusy(f"{vgpu.name} is in use", "")

    monkeypatch.setattr(opening, "open_vgpu", busy)
    opened = open_device(Named(UUID_A), host.paths, OpenOptions(through=vms.reach()))
    assert opened.vm is not None
    assert opened.vm.pid == started[0].pid
    assert opened.label == f"{UUID_A} (VM a)"
    opened.device.close()
