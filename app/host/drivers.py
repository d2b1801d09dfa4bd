"""The kind of display that each driver is known to offer. Only an open device can tell what it really offers."""

from enum import Enum

from app.host.vgpu import Vgpu, is_gvt, is_nvidia


class KnownDisplay(Enum):
    """The kind of planes that a driver offers. ``NONE``: the driver is known to have no display."""

    DMABUF = "dmabuf"
    REGION = "region"
    NONE = "none"
    UNKNOWN = "unknown"


# The key is the start of the mdev type, whose name comes from the parent's driver. Sources: drivers/gpu/drm/i915/gvt,
# samples/vfio-mdev, drivers/s390 of Linux 6.12. What NVIDIA's driver offers depends on its version.
_BY_TYPE = (
    ("i915-GVTg", KnownDisplay.DMABUF),
    ("mbochs", KnownDisplay.DMABUF),
    ("mdpy", KnownDisplay.REGION),
    ("mtty", KnownDisplay.NONE),
    ("vfio_ap", KnownDisplay.NONE),
    ("vfio_ccw", KnownDisplay.NONE),
)
# Plain pass-through implements no display ioctl (vfio_pci_core_ioctl() answers ENOTTY). The drivers for the virtual
# functions of one vendor, such as xe-vfio-pci and mlx5_vfio_pci in drivers/vfio/pci, add migration, but no display.
_PASS_THROUGH = ("vfio-pci", "vfio-platform")


def known_display(vgpu: Vgpu) -> KnownDisplay:
    """What the vGPU's driver is known to offer."""
    for start, display in _BY_TYPE:
        if vgpu.type_id is not None and vgpu.type_id.startswith(start):
            return display
    return KnownDisplay.NONE if _is_passed_through(vgpu) else KnownDisplay.UNKNOWN


def display_advice(vgpu: Vgpu | None) -> str:
    """What to do about a device that has no display; None: nothing is known about the device."""
    if vgpu is not None and _is_passed_through(vgpu):
        kind = "SR-IOV functions" if vgpu.parent is not None else "devices that are passed through"
        return f"{kind} have no display that VFIO could query: use another display of its VM, such as virtio-gpu"
    if vgpu is not None and vgpu.type_id is not None:
        return "choose a type that has a display"
    return (
        "choose a vGPU type that has a display; devices that are passed through, and the SR-IOV functions of Intel and "
        "AMD GPUs, never have one"
    )


def opens_only_for_vm(vgpu: Vgpu) -> bool:
    """Whether the driver is known to open the vGPU for nothing but a running VM.

    Sources: intel_vgpu_open_device() in drivers/gpu/drm/i915/gvt/kvmgt.c; nv_vgpu_vfio_open() in
    kernel/nvidia-vgpu-vfio of NVIDIA's driver for KVM hosts, whose manager then looks for the VM's UUID on the command
    line of the process that opens.
    """
    return is_gvt(vgpu) or is_nvidia(vgpu)


def _is_passed_through(vgpu: Vgpu) -> bool:
    return (vgpu.driver or "").replace("_", "-").endswith(_PASS_THROUGH)
