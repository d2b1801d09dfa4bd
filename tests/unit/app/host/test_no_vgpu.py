"""What is said about PCI devices that are no vGPUs."""

from pathlib import Path

import pytest

from app.host.no_vgpu import no_vgpu
from tests.unit.hosts import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.nvidia_function("0000:41:00.4", "0000:41:00.0", 1, 0, {1152: "NVIDIA L40S-8Q"})
    host.nvidia_function("0000:81:00.4", "0000:81:00.0", 5)
    host.pci("0000:00:02.1", "vfio-pci", 2, physfn="0000:00:02.0")
    host.pci("0000:00:02.2", "xe-vfio-pci", 3, physfn="0000:00:02.0")
    host.pci("0000:03:00.0", "vfio-pci", 4)
    host.gpu("0000:41:00.0", 0x10DE, 0x26B9, "nvidia")
    host.gpu("0000:05:00.0", 0x1234, 0x1111)
    return host


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("41:00.4", "has no vGPU type: .*; .*echo NUMBER .*/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type"),
        ("81:00.4", "has no vGPU type: .* given none now; .*'nvidia-smi vgpu -s -i 0000:81:00.0'"),
        ("0000:00:02.1", "its driver is vfio-pci; SR-IOV functions have no display that VFIO could query"),
        ("0000:00:02.2", "its driver is xe-vfio-pci; SR-IOV functions have no display"),
        ("03:00.0", "vfio-pci; devices that are passed through have no display"),
        ("0000:41:00.0", "its driver is nvidia; 'mdevview list'"),
        ("0000:05:00.0", "it has no driver"),
    ],
)
def test_reason(host: Host, address: str, says: str) -> None:
    error = no_vgpu(address, host.paths)
    assert error is not None
    with pytest.raises(type(error), match=says):
        raise error


def test_no_list_is_proposed_that_would_be_empty(host: Host) -> None:
    """A GPU that is full lists no type for any of its functions."""
    error = no_vgpu("81:00.4", host.paths)
    assert error is not None and "creatable_vgpu_types" not in error.remedy


@pytest.mark.parametrize("text", ["0000:99:00.0", "83b8", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"])
def test_what_is_no_pci_device_of_this_host_has_no_reason(host: Host, text: str) -> None:
    assert no_vgpu(text, host.paths) is None
