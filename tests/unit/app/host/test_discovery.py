"""What discovery reads out of sysfs."""

from pathlib import Path

import pytest

from app.host.discovery import discover, present
from app.host.drivers import KnownDisplay, known_display
from app.host.vgpu import Use, Vgpu, Way
from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host, hide_files, qemu


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


def test_nvidia_function_with_a_type_is_a_vgpu_though_no_process_has_it(host: Host) -> None:
    host.nvidia_function("0000:41:00.4", "0000:41:00.0", 40, 1152, {1152: "NVIDIA L40S-8Q"})
    host.nvidia_function("0000:41:00.5", "0000:41:00.0", 41)
    host.pci("0000:66:00.0", "vfio-pci", 42)
    (found,) = discover(host.scan())
    assert found == Vgpu(
        name="0000:41:00.4",
        type_id="nvidia-1152",
        type_name="NVIDIA L40S-8Q",
        parent="0000:41:00.0",
        driver="nvidia",
        module="nvidia",
        iommu_group=40,
        cdev="vfio40",
    )
    host.process(77, "qemu-system-x86", qemu("win"), {9: "/dev/vfio/vfio", 10: "/dev/vfio/40", 11: DEVICE_FD})
    (held,) = discover(host.scan())
    assert [(each.pid, each.fd, each.way) for each in held.holders] == [(77, 11, Way.GROUP)]
    (host.paths.sys / "bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type").write_text("0\n")
    (without,) = discover(host.scan())
    assert (without.name, without.type_id) == ("0000:41:00.4", None), "a process has it open"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (("-device", "vfio-pci,host=0000:41:00.4,id=gpu"), True),
        (("-device", "vfio-pci,host=41:00.4"), True),
        (("-device", "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:41:00.4"), True),
        (("-device", '{"driver":"vfio-pci","host":"0000:41:00.4","fd":"vfio0"}'), True),
        (("--device", "path=/sys/bus/pci/devices/0000:41:00.4/"), True),
        # The GPU itself, and functions that this host does not have.
        (("-device", "vfio-pci,host=0000:41:00.0"), False),
        (("-device", "vfio-pci,host=0001:41:00.4"), False),
        (("-netdev", "tap,mac=52:54:41:00:41:00"), False),
    ],
)
def test_function_that_a_hidden_vm_names_is_listed_as_a_claim(
    host: Host, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...], named: bool
) -> None:
    host.pci("0000:41:00.4", "vfio-pci", 40, physfn="0000:41:00.0")
    host.pci("0000:41:00.5", "vfio-pci", 41, physfn="0000:41:00.0")
    host.gpu("0000:41:00.0", 0x8086, 0x56C0, "i915")
    host.process(77, "qemu-system-x86", qemu("win", *line), {10: "/dev/vfio/40", 11: DEVICE_FD})
    hide_files(monkeypatch, 77)
    found = discover(host.scan())
    assert [each.name for each in found] == ["0000:41:00.4"] * named
    for each in found:
        assert (each.use, each.holders) == (Use.UNKNOWN, ())
        assert [(claim.pid, claim.vm_name) for claim in each.claims] == [(77, "win")]


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


def test_any_number_of_claimed_addresses_costs_no_look_into_sysfs(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any user may start a process named like a VM with megabytes of arguments."""
    host.pci("0000:41:00.4", "vfio-pci", 40, physfn="0000:41:00.0")
    addresses = [f"{each:08x}:{each % 256:02x}:00.4" for each in range(20_000)]
    host.process(77, "qemu-system-x86", qemu("win", *addresses), {10: "/dev/vfio/40"})
    hide_files(monkeypatch, 77)
    looks = 0
    really_exists = Path.exists

    def counted(path: Path) -> bool:
        nonlocal looks
        looks += 1
        return really_exists(path)

    monkeypatch.setattr(Path, "exists", counted)
    assert discover(host.scan()) == ()
    assert looks < 100
