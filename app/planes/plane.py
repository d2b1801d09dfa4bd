"""A plane as its source describes it."""

from dataclasses import dataclass
from enum import Enum

from app.abi import drm_fourcc


class PlaneKind(Enum):
    """The planes that a VFIO device may have. The values are DRM plane types."""

    PRIMARY = drm_fourcc.DRM_PLANE_TYPE_PRIMARY
    CURSOR = drm_fourcc.DRM_PLANE_TYPE_CURSOR


class Backing(Enum):
    """Where a plane's pixels are: in a dma-buf, in a region of the device file, or in memory that the source owns."""

    DMABUF = "dmabuf"
    REGION = "region"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Plane:
    """One enabled plane as its source describes it. The values come from outside and are not trusted.

    ``width`` and ``height`` are in pixels; ``stride``, ``size`` and ``offset`` in bytes. The first row begins at
    ``offset`` of the buffer. ``x`` and ``y`` are the position of the image's top-left corner (not of its hot spot) in
    the primary plane. ``hot_x`` and ``hot_y`` are None if unknown. ``handle`` is the dmabuf_id or the region index,
    None if the source has neither. ``y_inverted`` says that the first row is the bottom one.
    ``straight_alpha`` says that the colours are not multiplied with alpha. It is False if the source does not know.
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
    straight_alpha: bool = False

    @property
    def import_key(self) -> tuple[int, ...]:
        """A cached import fits as long as this key stays the same.

        It has the values that say where the pixels are and what their bytes mean.
        """
        return (
            self.fourcc,
            self.modifier,
            self.width,
            self.height,
            self.stride,
            self.offset,
            self.y_inverted,
        )
