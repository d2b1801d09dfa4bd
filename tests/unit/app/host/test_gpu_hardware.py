"""The GPUs of a host, as sysfs tells them."""

from pathlib import Path

from app.host.gpu_hardware import GpuHardware, vgpu_conditions
from app.host.modules import ModuleState
from tests.unit.hosts import Host


def _pci(host: Host, address: str, **files: str) -> Path:
    folder = host.paths.sys / "bus/pci/devices" / address
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    return folder


def test_a_host_with_an_intel_gpu(tmp_path: Path) -> None:
    host = Host(tmp_path)
    resource = "0x00a1 0x00a2 0x204\n0x0 0x0 0x0\n0x0000002fd0000000 0x0000002fdfffffff 0x000000000014220c"
    gpu = _pci(host, "0000:00:02.0", **{"class": "0x030000"}, vendor="0x8086", device="0x5917", resource=resource)
    driver = host.paths.sys / "bus/pci/drivers/i915"
    driver.mkdir(parents=True)
    (gpu / "driver").symlink_to(driver)
    _pci(host, "0000:00:1f.0", **{"class": "0x060100"}, vendor="0x8086", device="0x9d4e")
    parameters = host.paths.sys / "module/i915/parameters"
    parameters.mkdir(parents=True)
    (parameters / "enable_gvt").write_text("N\n")
    (host.paths.sys / "class/iommu/dmar0").mkdir(parents=True)
    (host.paths.proc / "cmdline").write_text("root=/dev/sda1 quiet\n")
    found = vgpu_conditions(host.paths)
    assert found.gpus == (GpuHardware("0000:00:02.0", 0x8086, 0x5917, "i915", 256 << 20),)
    assert (found.enable_gvt, found.iommu, found.command_line) == ("N", True, "root=/dev/sda1 quiet")
    assert found.modules["i915"] is ModuleState.LOADED


def test_virtual_functions_belong_to_their_gpu(tmp_path: Path) -> None:
    host = Host(tmp_path)
    numbers = {"class": "0x030200", "vendor": "0x10de", "device": "0x2230"}
    gpu = _pci(host, "0000:41:00.0", **numbers, sriov_totalvfs="32", sriov_numvfs="1")
    function = _pci(host, "0000:41:00.4", **numbers)
    (function / "physfn").symlink_to(gpu)
    (gpu / "virtfn0").symlink_to(function)
    (found,) = vgpu_conditions(host.paths).gpus
    assert (found.most_functions, found.functions, found.makes_vgpus) == (32, 1, False)
    (function / "nvidia").mkdir()
    (function / "nvidia/creatable_vgpu_types").touch()
    (found,) = vgpu_conditions(host.paths).gpus
    assert found.makes_vgpus


def test_nvidia_functions_without_a_type(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.gpu("0000:41:00.0", 0x10DE, 0x26B9, "nvidia", sriov_totalvfs="32", sriov_numvfs="2")
    full = host.nvidia_function("0000:41:00.4", "0000:41:00.0", 1)
    (found,) = vgpu_conditions(host.paths).gpus
    assert (found.makes_vgpus, found.lacks_type, found.creatable) == (True, True, None)
    host.nvidia_function("0000:41:00.5", "0000:41:00.0", 2, creatable={1152: "NVIDIA L40S-8Q"})
    (found,) = vgpu_conditions(host.paths).gpus
    assert (found.lacks_type, found.creatable) == (True, "0000:41:00.5")
    (full / "nvidia/current_vgpu_type").write_text("1152\n")
    (found,) = vgpu_conditions(host.paths).gpus
    assert (found.makes_vgpus, found.lacks_type, found.creatable) == (True, False, None)


def test_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    host = Host(tmp_path)
    _pci(host, "0000:00:02.0", **{"class": "0x03"}, vendor="x", device="9" * 5000, resource="0x1\n\n0x5 0x2 z")
    (found,) = vgpu_conditions(host.paths).gpus
    assert found == GpuHardware("0000:00:02.0", 0, 0)
