"""What a host is told whose GPUs make no vGPUs: the advice is for the vendor that is there."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.gpu_vgpu_findings import gpu_vgpu_findings, gvt_name
from app.host.gpu_hardware import GpuHardware, VgpuConditions, vgpu_conditions
from app.host.modules import ModuleState
from tests.unit.hosts import Host
from tests.unit.known_hosts import nvidia_sriov, two_gpus

KABY_LAKE = GpuHardware("0000:00:02.0", 0x8086, 0x5917, "i915", 256 << 20)
A6000 = GpuHardware("0000:41:00.0", 0x10DE, 0x2230, "nvidia", most_functions=32)
READY = VgpuConditions(
    (KABY_LAKE,), "Y", True, "quiet i915.enable_gvt=1", {"kvmgt": ModuleState.LOADED, "i915": ModuleState.LOADED}
)


def _finding(conditions: VgpuConditions) -> Finding:
    (finding,) = gpu_vgpu_findings(conditions)
    assert finding.key == "gpu-without-vgpus"
    return finding


@pytest.mark.parametrize(
    ("conditions", "remedy"),
    [
        (replace(READY, iommu=False), "intel_iommu=on"),
        (replace(READY, enable_gvt="N", command_line=""), "boot with i915.enable_gvt=1"),
        (replace(READY, enable_gvt=None, command_line="i915.enable_gvt=1"), "boot with i915.enable_gvt=1"),
        (replace(READY, enable_gvt="N"), "dmesg"),
        (replace(READY, modules={"kvmgt": ModuleState.AVAILABLE}), "sudo modprobe kvmgt"),
        (replace(READY, modules={"kvmgt": ModuleState.ABSENT}), "CONFIG_DRM_I915_GVT_KVMGT"),
        (replace(READY, gpus=(replace(KABY_LAKE, aperture=128 << 20),)), "aperture size"),
        (replace(READY, gpus=(replace(KABY_LAKE, driver="vfio-pci"),)), "instead of vfio-pci"),
    ],
)
def test_an_intel_gpu_lacks_one_thing(conditions: VgpuConditions, remedy: str) -> None:
    finding = _finding(conditions)
    first, *rest = finding.remedy.split("; ")
    assert finding.severity is Severity.WARNING
    assert remedy in first
    assert (
        len(rest) == 1 and "mdevctl start --uuid $(cat /proc/sys/kernel/random/uuid) --parent 0000:00:02.0" in rest[0]
    )


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (0x1616, "Broadwell"),
        (0x1912, "Skylake"),
        (0x5917, "Kaby Lake"),
        (0x87C0, "Kaby Lake"),
        (0x5A85, "Broxton"),
        (0x3E92, "Coffee Lake"),
        (0x9BC5, "Comet Lake"),
        (0x3185, None),
        (0x5A52, None),
        (0x0412, None),
        (0x46A6, None),
    ],
)
def test_the_gpus_that_gvt_supports(device: int, name: str | None) -> None:
    assert gvt_name(device) == name


@pytest.mark.parametrize(("device", "reason"), [(0x0412, "older than Broadwell"), (0x46A6, "ends with Comet Lake")])
def test_other_intel_gpus_have_no_gvt(device: int, reason: str) -> None:
    finding = _finding(replace(READY, gpus=(replace(KABY_LAKE, device=device),)))
    assert finding.severity is Severity.INFO
    assert reason in finding.message
    assert "enable_gvt" not in finding.remedy


def test_an_nvidia_gpu() -> None:
    bare = _finding(VgpuConditions((A6000,), iommu=True))
    assert "vGPU Manager" in bare.remedy
    manager = {"nvidia_vgpu_vfio": ModuleState.LOADED}
    functions = _finding(VgpuConditions((A6000,), iommu=True, modules=manager))
    assert functions.remedy == "turn on SR-IOV in the BIOS, then: sudo /usr/lib/nvidia/sriov-manage -e 0000:41:00.0"
    no_iommu = _finding(VgpuConditions((replace(A6000, functions=32),), modules=manager))
    assert "AMD-Vi" in no_iommu.remedy and "sriov-manage" not in no_iommu.remedy
    rest = _finding(VgpuConditions((replace(A6000, functions=32),), iommu=True, modules=manager))
    assert "journalctl -t nvidia-vgpu-mgr" in rest.remedy
    assert "sriov-manage -d 0000:41:00.0 && sudo /usr/lib/nvidia/sriov-manage -e 0000:41:00.0" in rest.remedy


def test_the_second_gpu_of_a_laptop_is_no_trouble() -> None:
    geforce = GpuHardware(two_gpus.NVIDIA, 0x10DE, 0x1C8D, "nvidia")
    finding = _finding(replace(READY, gpus=(replace(KABY_LAKE, makes_vgpus=True), geforce)))
    assert (finding.severity, finding.remedy) == (Severity.INFO, "")
    assert finding.message.endswith("makes no vGPUs, 0000:00:02.0 does")
    alone = _finding(replace(READY, gpus=(replace(geforce, most_functions=16),)))
    assert alone.severity is Severity.WARNING


def test_nvidia_functions_that_have_no_type() -> None:
    on = replace(A6000, functions=32, makes_vgpus=True, lacks_type=True, creatable="0000:41:00.5")
    manager = {"nvidia_vgpu_vfio": ModuleState.LOADED}
    finding = _finding(VgpuConditions((on,), iommu=True, modules=manager))
    assert "no SR-IOV function" in finding.message
    folder = "/sys/bus/pci/devices/0000:41:00.5/nvidia"
    assert f"cat {folder}/creatable_vgpu_types" in finding.remedy
    assert f"sudo tee {folder}/current_vgpu_type" in finding.remedy
    full = _finding(VgpuConditions((replace(on, creatable=None),), iommu=True, modules=manager))
    assert "current_vgpu_type" not in full.remedy and "nvidia-smi vgpu" in full.remedy


def test_an_nvidia_gpu_tells_how_many_functions_are_vgpus_and_what_is_left(tmp_path: Path) -> None:
    host = Host(tmp_path)
    nvidia_sriov.lay_out(host)
    found = [each for each in gpu_vgpu_findings(vgpu_conditions(host.paths)) if each.key == "sriov-parent"]
    assert [(each.severity, each.message, each.evidence) for each in found] == [
        (Severity.OK, "0000:41:00.0 makes vGPUs of SR-IOV functions: 3 of 32 now", "no type can be made now"),
        (
            Severity.OK,
            "0000:81:00.0 makes vGPUs of SR-IOV functions: 1 of 32 now",
            "types that can be made now: NVIDIA L40S-8Q",
        ),
    ]


def test_consumer_nvidia_gpu_has_no_vgpu_at_all() -> None:
    geforce = GpuHardware("0000:01:00.0", 0x10DE, 0x2684, "nvidia")
    finding = _finding(VgpuConditions((geforce,), iommu=True, modules={"nvidia": ModuleState.LOADED}))
    assert finding.severity is Severity.INFO
    assert "GeForce ones cannot" in finding.message
    assert "virtio-gpu" in finding.remedy
    # With the vGPU manager it is one for data centres, or unlocked.
    t4 = _finding(VgpuConditions((geforce,), iommu=True, modules={"nvidia_vgpu_vfio": ModuleState.LOADED}))
    assert (t4.severity, "journalctl" in t4.remedy) == (Severity.WARNING, True)


@pytest.mark.parametrize(
    "gpu",
    [
        GpuHardware("0000:41:00.0", 0x10DE, 0x26B9, "nvidia"),
        GpuHardware("0000:41:00.0", 0x10DE, 0x26B9, "nvidia", most_functions=32),
        GpuHardware("0000:41:00.0", 0x10DE, 0x26B9, "nouveau", most_functions=32, functions=32),
        GpuHardware("0000:41:00.0", 0x10DE, 0x26B9, "nvidia", makes_vgpus=True, lacks_type=True),
        GpuHardware("0000:03:00.0", 0x1002, 0x73BF, "amdgpu"),
        GpuHardware("0000:03:00.0", 0x1002, 0x74A1, "gim", most_functions=8, functions=8),
        GpuHardware("0000:02:00.0", 0x1A03, 0x2000, "ast"),
    ],
)
@pytest.mark.parametrize("modules", [{}, {"nvidia_vgpu_vfio": ModuleState.LOADED, "kvmgt": ModuleState.AVAILABLE}])
def test_intels_advice_is_for_intels_gpus(gpu: GpuHardware, modules: dict[str, ModuleState]) -> None:
    finding = _finding(VgpuConditions((gpu,), enable_gvt=None, iommu=True, modules=modules))
    text = f"{finding.message} {finding.remedy}".lower()
    assert not any(each in text for each in ("gvt", "i915", "intel"))


@pytest.mark.parametrize(
    "gpu",
    [
        GpuHardware("0000:00:02.0", 0x8086, 0x4680, "i915", most_functions=7, functions=7),
        GpuHardware("0000:4d:00.0", 0x8086, 0x56C0, "xe", most_functions=31, functions=7),
        GpuHardware("0000:03:00.0", 0x1002, 0x74A1, "gim", most_functions=8, functions=7),
    ],
)
def test_functions_of_intel_and_amd_have_no_display(gpu: GpuHardware) -> None:
    finding = _finding(VgpuConditions((gpu,), iommu=True))
    assert "its 7 SR-IOV functions have no" in finding.message
    assert "type" not in finding.remedy and "virtio-gpu" in finding.remedy


def test_gpus_without_a_way() -> None:
    amd = _finding(VgpuConditions((GpuHardware("0000:03:00.0", 0x1002, 0x73BF, "amdgpu"),)))
    assert (amd.severity, "AMD" in amd.message) == (Severity.INFO, True)
    other = _finding(VgpuConditions((GpuHardware("0000:00:01.0", 0x1234, 0x1111, "bochs-drm"),)))
    assert "no driver is known" in other.message


def test_a_gpu_that_makes_vgpus_has_no_finding() -> None:
    assert list(gpu_vgpu_findings(replace(READY, gpus=(replace(KABY_LAKE, makes_vgpus=True),)))) == []


def test_sample_drivers_that_are_there_are_named() -> None:
    (finding,) = gpu_vgpu_findings(VgpuConditions(modules={"mdpy": ModuleState.AVAILABLE}))
    assert finding.remedy == "sudo modprobe -a mdpy"
