"""Which messages are about a device."""

import pytest

from app.host.device_messages import concerns
from app.host.vgpu import Vgpu
from tests.unit.hosts import UUID_A, UUID_B

GVT = Vgpu(UUID_A, UUID_A, "i915-GVTg_V5_4", driver="vfio_mdev", module="kvmgt", parent="0000:00:02.0", gvt_id=2)
MBOCHS = Vgpu(UUID_A, UUID_A, "mbochs-small", driver="mbochs", module="mbochs")
NVIDIA = Vgpu(UUID_A, UUID_A, "nvidia-231", driver="nvidia-vgpu-vfio", parent="0000:41:00.0")


@pytest.mark.parametrize(
    ("vgpu", "level", "text", "wanted"),
    [
        (GVT, 3, "Detected your guest driver doesn't support GVT-g.", True),
        (GVT, 3, "Now vgpu 2 will enter failsafe mode.", True),
        (GVT, 3, "Now vgpu 1 will enter failsafe mode.", False),
        (GVT, 3, "[drm:intel_vgpu_emulate_mmio_read [kvmgt]] *ERROR* gvt: vgpu 2: fail to emulate", True),
        (GVT, 3, "gvt: vgpu1: fail to emulate", False),
        (GVT, 3, "i915 0000:00:02.0: [drm] *ERROR* GPU HANG", True),
        (GVT, 6, "i915 0000:00:02.0: [drm] GuC firmware", False),
        (GVT, 3, "usb 1-1: device not accepting address", False),
        (GVT, 3, "error: vmiop_log: (0x0): XID 43 detected", False),
        (MBOCHS, 6, f"mbochs {UUID_A}: mbochs_create_dmabuf: dma_buf_export failed: -12", True),
        (MBOCHS, 6, f"mbochs {UUID_B}: BAR #0 @ 0xfd000000", False),
        (MBOCHS, 3, "gvt: vgpu 2: fail to emulate", False),
        (MBOCHS, 4, "vfio_iommu_type1_attach_group: No interrupt remapping support", True),
        (MBOCHS, 6, "VFIO - User Level meta-driver version: 0.3", False),
        (NVIDIA, 6, "error: vmiop_log: (0x0): Failed to get C2C info", True),
        (NVIDIA, 6, "notice: vmiop_log: (0x0): vgpu_type : Quadro", False),
        (NVIDIA, 3, "NVRM: Xid (PCI:0000:41:00): 43", True),
        (NVIDIA, 6, "[nvidia-vgpu-vfio] 11: vGPU migration disabled", True),
    ],
)
def test_the_lines_of_this_device_and_its_driver(vgpu: Vgpu, level: int, text: str, wanted: bool) -> None:
    assert concerns(vgpu)(level, text) is wanted
