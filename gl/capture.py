"""Pictures at the guest's size, read back into memory."""

from enum import Enum

from app.planes.placement import Rect, place
from gl import api
from gl.canvas import Canvas, Rgba
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Style, run_steps
from gl.context import Context
from gl.render_target import RenderTarget

PlacedImage = tuple[Image, Style, int, int]


class CaptureKind(Enum):
    """What to capture. The values are what users type."""

    COMPOSITE = "composite"
    PRIMARY = "primary"
    CURSOR = "cursor"


def capture_images(
    context: Context, compositor: Compositor, size: tuple[int, int], images: tuple[PlacedImage, ...], alpha: float
) -> Rgba:
    """Draw images in order over black with ``alpha``, one pixel for one, each with its top-left corner at its place.

    Returns shape (height, width, 4), top row first. Binds the framebuffer again that was bound before. Raises
    :class:`GlError`, for example when the picture is too large.
    """
    width, height = size
    bound = context.gl.integer(api.GL_FRAMEBUFFER_BINDING)
    try:
        canvas = Canvas(context, width, height)
        try:
            target = RenderTarget(width, height, canvas.framebuffer, top_down=True)
            clip = ClipSpace(target, place(size, Rect(0, 0, width, height)))
            run_steps(compositor.begin(target, (0.0, 0.0, 0.0, alpha)))
            for image, style, x, y in images:
                run_steps(compositor.layer(clip, image, style).move(x, y))
            run_steps(compositor.end)
            context.gl.check("drawing for a capture")
            return canvas.read()
        finally:
            canvas.release()
    finally:
        context.gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)
        context.sweep()
