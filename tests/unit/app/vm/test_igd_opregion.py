"""When a GVT-g vGPU gets an OpRegion that its user did not ask for."""

import pytest

from app.host.vgpu import Vgpu
from app.qemu.command_line import parse_command_line
from app.vm import igd_opregion
from tests.unit.hosts import UUID_A, UUID_B

_GVT = Vgpu(UUID_A, UUID_A, type_id="i915-GVTg_V5_4")
_OURS = f"vfio-pci,id=gpu,sysfsdev=/sys/bus/mdev/devices/{UUID_A}"
_OTHER = f"vfio-pci,id=nic,sysfsdev=/sys/bus/mdev/devices/{UUID_B}"


@pytest.mark.parametrize(
    ("arguments", "wants"),
    [
        ([], True),
        (["-device", _OURS], True),
        (["-device", f"{_OURS},x-igd-opregion=off"], False),
        (["-device", f"{_OURS},x-igd-opregion=on"], False),
        (["-device", f'{{"driver":"vfio-pci","sysfsdev":"/sys/{UUID_A}","x-igd-opregion":false}}'], False),
        (["-device", _OURS, "-set", "device.gpu.x-igd-opregion=off"], False),
        (["-global", "vfio-pci.x-igd-opregion=off"], False),
        (["-global", "driver=vfio-pci,property=x-igd-opregion,value=on"], False),
        # Another device has another OpRegion.
        (["-device", f"{_OTHER},x-igd-opregion=on"], True),
        (["-device", _OURS, "-device", _OTHER, "-set", "device.nic.x-igd-opregion=on"], True),
    ],
)
def test_what_the_user_says_of_it_stays(arguments: list[str], wants: bool) -> None:
    command = parse_command_line(["qemu-system-x86_64", *arguments])
    assert igd_opregion.wants_opregion(_GVT, command) is wants


@pytest.mark.parametrize("type_id", ["mbochs-small", "nvidia-63", "i915-other", None])
def test_no_other_vgpu_gets_one(type_id: str | None) -> None:
    """QEMU 10.0 does not start a device that has none."""
    command = parse_command_line(["qemu-system-x86_64"])
    assert not igd_opregion.wants_opregion(Vgpu(UUID_A, UUID_A, type_id=type_id), command)
    assert not igd_opregion.wants_opregion(None, command)


def test_default_for_all_devices_is_only_given_to_one() -> None:
    one, two = (
        parse_command_line(["qemu-system-x86_64", *arguments])
        for arguments in (["-device", _OURS], ["-device", _OURS, "-device", _OTHER])
    )
    assert igd_opregion.default_arguments(one) == ["-global", "vfio-pci.x-igd-opregion=on"]
    assert igd_opregion.default_arguments(two) == []
