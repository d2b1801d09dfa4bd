"""What a plane query says, as facts."""

from dataclasses import dataclass
from enum import Enum

from app.abi import drm_fourcc


class PlaneKind(Enum):
    """The planes a VFIO device may show; the values are DRM plane types."""

    PRIMARY = drm_fourcc.DRM_PLANE_TYPE_PRIMARY
    CURSOR = drm_fourcc.DRM_PLANE_TYPE_CURSOR


class Backing(Enum):
    """Where a plane's pixels are: in dma-bufs fetched by id, or in a region of the device file."""

    DMABUF = "dmabuf"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Plane:
    """One enabled plane as QUERY_GFX_PLANE described it. Values are the driver's and are not to be trusted.

    ``width`` and ``height`` are in pixels, ``stride`` and ``size`` in bytes. ``x`` and ``y`` place the image's
    top-left corner (not its hot spot) in the primary plane. ``hot_x`` and ``hot_y`` are None when unknown.
    ``handle`` is the dmabuf_id or the region index.
    """

    kind: PlaneKind
    backing: Backing
    fourcc: int
    modifier: int
    width: int
    height: int
    stride: int
    size: int
    x: int
    y: int
    hot_x: int | None
    hot_y: int | None
    handle: int

    @property
    def layout(self) -> tuple[int, int, int, int, int]:
        """What decides whether a cached import still fits: everything but place, hot spot and handle."""
        return (self.fourcc, self.modifier, self.width, self.height, self.stride)
