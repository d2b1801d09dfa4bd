"""Looks at a part of the picture: through the mapping of its buffer where there is one, otherwise by the GPU."""

import logging

from app.planes.check import check_plane
from app.planes.frame import Surface
from app.planes.picture_region import MappedRegionLooks, PictureRegion
from gl.drawn_region import DrawnRegionLooks
from gl.renderer import Renderer

_log = logging.getLogger(__name__)


class RegionLooks:
    """Owns what the looks need. ``region`` is None for the whole picture. The renderer's context must be current."""

    def __init__(self, renderer: Renderer, region: PictureRegion | None) -> None:
        self._renderer = renderer
        self._region = region
        self._mapped = MappedRegionLooks()
        self._drawn: DrawnRegionLooks | None = None
        self._visible: bool | None = None

    @property
    def path(self) -> str:
        """How the pixels are read: "mapping" or "gpu"."""
        return "mapping" if self._drawn is None else "gpu"

    def changed(self, surface: Surface | None) -> bool | None:
        """Whether the pixels differ from those of the look before; None if they cannot be seen now.

        A screen that goes dark or comes back is a change. The region must lie in the plane. Raises :class:`GlError`.
        """
        changed = False
        if surface is not None:
            if check_plane(surface.plane, surface.buffer.size) is not None:
                return None
            try:
                changed = self._look(surface)
            except ValueError:
                return None
        before, self._visible = self._visible, surface is not None
        return changed or before not in (None, self._visible)

    def _look(self, surface: Surface) -> bool:
        plane = surface.plane
        region = self._region or PictureRegion(0, 0, plane.width, plane.height)
        if self._drawn is None:
            try:
                return self._mapped.changed(surface, region)
            except OSError as error:
                _log.info("the region is read by the GPU: %s", error)
                self._drawn = DrawnRegionLooks(self._renderer)
        return self._drawn.changed(surface, region)

    def release(self) -> None:
        """Delete what this owns; more calls do nothing."""
        if self._drawn is not None:
            self._drawn.release()
