"""Which kind of display each driver is known to offer, for a device that is not open and so cannot be asked."""

from enum import Enum

from app.host.vgpu import Vgpu


class KnownDisplay(Enum):
    """The kind of planes that a driver is known to offer; ``NONE`` is for a driver that is known to have no display."""

    DMABUF = "dmabuf"
    REGION = "region"
    NONE = "none"
    UNKNOWN = "unknown"


# By the start of the mdev type, whose name comes from the parent's driver. Sources: drivers/gpu/drm/i915/gvt,
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
    """What is known about the vGPU's driver. Only an open device can tell what it really offers."""
    for start, display in _BY_TYPE:
        if vgpu.type_id is not None and vgpu.type_id.startswith(start):
            return display
    return _BY_DRIVER.get(vgpu.driver or "", KnownDisplay.UNKNOWN)
