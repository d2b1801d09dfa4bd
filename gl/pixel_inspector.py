"""What a plane holds at one pixel: in its own format where the CPU can read it, else as the GPU sees it."""

import logging

from app.formats.fourcc import pixel_format
from app.formats.pixel_value import ChannelValue, PixelValue
from app.planes.frame import Frame, Surface
from app.planes.pixel_reader import read_pixel
from app.planes.plane import PlaneKind
from gl.canvas import Rgba
from gl.draw_options import DrawOptions
from gl.pixel_readback import PixelReadback
from gl.renderer import Renderer

_log = logging.getLogger(__name__)


class PixelInspector:
    """Inspects the frame that the renderer drew last. The renderer's context must be current for every call."""

    def __init__(self, renderer: Renderer) -> None:
        self._readback = PixelReadback(renderer)
        # The serial number of each plane's buffer that the CPU cannot read.
        self._unreadable: dict[PlaneKind, int] = {}

    def around(self, frame: Frame, options: DrawOptions, x: int, y: int, size: int) -> Rgba:
        """The composite around a pixel of the picture, see :meth:`PixelReadback.composite`. ``size`` is odd."""
        return self._readback.composite(frame, options, x - size // 2, y - size // 2, size)

    def value(self, surface: Surface, options: DrawOptions, x: int, y: int) -> PixelValue | None:
        """The pixel ``x``, ``y`` of a plane's own image; ``raw`` is None where the values are those of the GPU.

        None for a pixel outside the image, and for a plane that was not drawn. Raises :class:`GlError`.
        """
        plane = surface.plane
        if not (0 <= x < plane.width and 0 <= y < plane.height):
            return None
        if self._unreadable.get(plane.kind) != surface.buffer.serial:
            try:
                return read_pixel(surface, x, y)
            except (OSError, ValueError) as error:
                # Not asked again for each pixel: the buffer's exporter forbids it, or the plane's layout is not known.
                self._unreadable[plane.kind] = surface.buffer.serial
                _log.debug("the GPU reads pixels of the %s plane: %s", plane.kind.name.lower(), error)
        colour = self._readback.plane(plane.kind, options, x, y)
        if colour is None:
            return None
        format_ = pixel_format(plane.fourcc)
        names = "RGBA" if format_ is not None and format_.has_alpha else "RGB"
        return PixelValue(None, tuple(ChannelValue(name, each, 8) for name, each in zip(names, colour, strict=False)))

    def release(self) -> None:
        """Delete what this owns; more calls do nothing."""
        self._readback.release()
