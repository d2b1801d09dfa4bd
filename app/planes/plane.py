"""What a plane query says, as facts."""

from dataclasses import dataclass
from enum import Enum

from app.abi import drm_fourcc


class PlaneKind(Enum):
    """The planes a VFIO device may show; the values are DRM plane types."""

    PRIMARY = drm_fourcc.DRM_PLANE_TYPE_PRIMARY
    CURSOR = drm_fourcc.DRM_PLANE_TYPE_CURSOR


class Backing(Enum):
    """Where a plane's pixels are: in a dma-buf, in a region of the device file, or in memory that the source owns."""

    DMABUF = "dmabuf"
    REGION = "region"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Plane:
    """One enabled plane as its source described it. Values come from outside and are not to be trusted.

    ``width`` and ``height`` are in pixels; ``stride``, ``size`` and ``offset``, where the first row begins in the
    buffer, in bytes. ``x`` and ``y`` place the image's top-left corner (not its hot spot) in the primary plane.
    ``hot_x`` and ``hot_y`` are None when unknown. ``handle`` is the dmabuf_id or the region index, None where the
    source has neither. ``y_inverted``: the first row is the bottom one.
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
    handle: int | None = None
    offset: int = 0
    y_inverted: bool = False

    @property
    def import_key(self) -> tuple[int, ...]:
        """What decides whether a cached import still fits: everything but place, hot spot and handle."""
        return (
            self.fourcc,
            self.modifier,
            self.width,
            self.height,
            self.stride,
            self.offset,
            self.y_inverted,
        )
