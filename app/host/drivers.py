"""What drivers are known to offer, for a device that cannot be asked because it is not open."""

from enum import Enum

from app.host.vgpu import Vgpu


class KnownDisplay(Enum):
    """The kind of planes a driver is known for; ``NONE`` is a driver known to have no display at all."""

    DMABUF = "dmabuf"
    REGION = "region"
    NONE = "none"
    UNKNOWN = "unknown"


# By the start of the mdev type, which the parent's driver names. Sources: drivers/gpu/drm/i915/gvt,
# samples/vfio-mdev, drivers/s390 of Linux 6.12. NVIDIA's driver has no public source.
_BY_TYPE = (
    ("i915-GVTg", KnownDisplay.DMABUF),
    ("mbochs", KnownDisplay.DMABUF),
    ("mdpy", KnownDisplay.REGION),
    ("mtty", KnownDisplay.NONE),
    ("vfio_ap", KnownDisplay.NONE),
    ("vfio_ccw", KnownDisplay.NONE),
)
# Plain pass-through implements no display ioctl (vfio_pci_core_ioctl() answers ENOTTY).
_BY_DRIVER = {
    "vfio-pci": KnownDisplay.NONE,
    "vfio-platform": KnownDisplay.NONE,
}


def known_display(vgpu: Vgpu) -> KnownDisplay:
    """What is known of the vGPU's driver. Only an open device can be asked what is true."""
    for start, display in _BY_TYPE:
        if vgpu.type_id is not None and vgpu.type_id.startswith(start):
            return display
    return _BY_DRIVER.get(vgpu.driver or "", KnownDisplay.UNKNOWN)
