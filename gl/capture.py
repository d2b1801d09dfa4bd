"""Pictures of a frame at the guest's own size, read back into memory."""

from app.planes.layout import Rect, place
from gl import api
from gl.compositor import Compositor, Layer, Target
from gl.context import Context
from gl.textures import Canvas, Rgba


def capture_layers(
    context: Context, compositor: Compositor, size: tuple[int, int], layers: tuple[Layer, ...], alpha: float
) -> Rgba:
    """``layers`` over black with ``alpha``, one pixel for one: shape (height, width, 4), top row first.

    The framebuffer that was bound is bound again. Raises :class:`GlError`, for a picture too large among others.
    """
    width, height = size
    bound = context.gl.integer(api.GL_FRAMEBUFFER_BINDING)
    try:
        canvas = Canvas(context, width, height)
        try:
            target = Target(width, height, canvas.framebuffer, top_down=True)
            layout = place(size, Rect(0, 0, width, height))
            compositor.prepare(target, (0.0, 0.0, 0.0, alpha), layout, layers).run()
            context.gl.check("drawing for a capture")
            return canvas.read()
        finally:
            canvas.release()
    finally:
        context.gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)
        context.sweep()
