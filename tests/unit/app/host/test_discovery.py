"""What discovery reads out of sysfs."""

from pathlib import Path

import pytest

from app.host.discovery import discover, present
from app.host.drivers import KnownDisplay, known_display
from app.host.vgpu import Use, Vgpu, Way
from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host, qemu


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_mdev_with_all_it_says(host: Host) -> None:
    folder = host.mdev(UUID_A, "i915-GVTg_V5_4", 12, parent="pci0000:00/0000:00:02.0", cdev="vfio3")
    (folder / "intel_vgpu").mkdir()
    (folder / "intel_vgpu/vgpu_id").write_text("1\n")
    (found,) = discover(host.scan())
    assert found == Vgpu(
        name=UUID_A,
        uuid=UUID_A,
        type_id="i915-GVTg_V5_4",
        type_name="i915-GVTg_V5_4 display",
        parent="0000:00:02.0",
        driver="i915",
        module="i915",
        iommu_group=12,
        cdev="vfio3",
        gvt_id=1,
    )
    assert found.use is Use.FREE


def test_changed_sample_driver_is_told_by_its_module(host: Host) -> None:
    host.mdev(UUID_A, "mbochs_rw-small", 1, parent="virtual/mbochs_rw/mbochs_rw")
    (found,) = discover(host.scan())
    assert found.module == "mbochs_rw"
    assert known_display(found) is KnownDisplay.DMABUF


def test_mdev_that_loses_everything_but_its_name_is_still_listed(host: Host) -> None:
    folder = host.paths.sys / "devices/virtual/mtty/mtty" / UUID_A
    folder.mkdir(parents=True)
    link = host.paths.sys / "bus/mdev/devices" / UUID_A
    link.parent.mkdir(parents=True)
    link.symlink_to(folder)
    assert discover(host.scan()) == (Vgpu(name=UUID_A, uuid=UUID_A, parent="mtty"),)


def test_virtual_function_is_found_by_the_process_that_has_it_open(host: Host) -> None:
    folder = host.pci("0000:65:00.4", "nvidia", 40, physfn="0000:65:00.0")
    (folder / "nvidia").mkdir()
    (folder / "nvidia/current_vgpu_type").write_text("558\n")
    host.pci("0000:66:00.0", "vfio-pci", 41)
    assert discover(host.scan()) == ()
    host.process(77, "qemu-system-x86", qemu("win"), {9: "/dev/vfio/vfio", 10: "/dev/vfio/40", 11: DEVICE_FD})
    (found,) = discover(host.scan())
    assert (found.name, found.type_id, found.parent) == ("0000:65:00.4", "nvidia-558", "0000:65:00.0")
    assert (found.uuid, found.driver, found.iommu_group) == (None, "nvidia", 40)
    assert [(each.pid, each.fd, each.way) for each in found.holders] == [(77, 11, Way.GROUP)]


def test_open_cdev_is_found_whatever_its_driver(host: Host) -> None:
    host.pci("0000:65:00.4", "nvidia", 40, cdev="vfio7")
    host.process(77, "qemu-system-x86", qemu("win"), {23: "/dev/vfio/devices/vfio7"})
    (found,) = discover(host.scan())
    assert [(each.fd, each.vm_name, each.way) for each in found.holders] == [(23, "win", Way.CDEV)]


def test_bridge_in_an_open_group_is_no_vgpu(host: Host) -> None:
    host.pci("0000:65:00.0", "vfio-pci", 40)
    bridge = host.pci("0000:64:00.0", "pcieport", 40)
    (bridge / "vfio-dev").rmdir()
    host.process(77, "qemu-system-x86", qemu("win"), {10: "/dev/vfio/40"})
    (found,) = discover(host.scan())
    assert found.name == "0000:65:00.0"
    assert known_display(found) is KnownDisplay.NONE


def test_removed_device_is_no_longer_present(host: Host) -> None:
    host.mdev(UUID_A, "mbochs-small", 1)
    host.mdev(UUID_B, "mbochs-small", 2)
    first, second = discover(host.scan())
    (host.paths.sys / "bus/mdev/devices" / UUID_A).unlink()
    assert not present(first, host.paths)
    assert present(second, host.paths)
