"""The kind of display that each driver is known to offer. Only an open device can tell what it really offers."""

from enum import Enum

from app.host.vgpu import Vgpu


class KnownDisplay(Enum):
    """The kind of planes that a driver offers. ``NONE``: the driver is known to have no display."""

    DMABUF = "dmabuf"
    REGION = "region"
    NONE = "none"
    UNKNOWN = "unknown"


# The key is the start of the mdev type, whose name comes from the parent's driver. Sources: drivers/gpu/drm/i915/gvt,
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
    """What the vGPU's driver is known to offer."""
    for start, display in _BY_TYPE:
        if vgpu.type_id is not None and vgpu.type_id.startswith(start):
            return display
    return _BY_DRIVER.get(vgpu.driver or "", KnownDisplay.UNKNOWN)
