"""Whether the primary plane has one colour only."""

from app.planes.frame import Frame
from gl.canvas import Rgba
from gl.renderer import Renderer

_EDGE = 128

Colour = tuple[int, int, int, int]


def one_colour(renderer: Renderer, frame: Frame) -> Colour | None:
    """The colour of all pixels as red, green, blue, alpha of 8 bits; None if they differ or cannot be drawn.

    First a square in the middle of the picture is read back, which mostly has several colours; only if it has one, all
    of it is. Both wait for the GPU. The context must be current. Raises GlError.
    """
    surface = frame.primary
    if surface is None:
        return None
    width, height = surface.plane.width, surface.plane.height
    edge = min(_EDGE, width, height)
    middle = renderer.capture_part(surface, (width - edge) // 2, (height - edge) // 2, edge, edge)
    if middle is None or _colour(middle) is None:
        return None
    pixels = renderer.capture_part(surface, 0, 0, width, height)
    return _colour(pixels) if pixels is not None else None


def _colour(pixels: Rgba) -> Colour | None:
    first = pixels[0, 0]
    if (pixels != first).any():
        return None
    red, green, blue, alpha = (int(each) for each in first)
    return red, green, blue, alpha
