"""Small pictures over a frame, in device pixels from the top-left corner of the target.

They are uploaded when they change. A frame then costs a few calls for each, that were prepared before.
"""

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat, pixel_format
from app.planes.placement import Placement
from gl.canvas import Rgba
from gl.clip_space import ClipSpace
from gl.compositor import Compositor, Image, Steps, Style, run_steps
from gl.context import Context
from gl.errors import GlError
from gl.formats import format_mapping
from gl.render_target import RenderTarget
from gl.textures import UploadTexture

_STYLE = Style(blend=True)


def _rgba() -> PixelFormat:
    found = pixel_format(drm.DRM_FORMAT_ABGR8888)
    assert found is not None
    return found


_FORMAT = _rgba()
_MAPPING = format_mapping(_FORMAT)


class Overlay:
    """Draws pictures with one context, which must be current for every call here. Each has a ``key``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._compositor = Compositor(context)
        self._textures: dict[str, UploadTexture] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._target: RenderTarget | None = None
        self._steps: Steps | None = None

    def set(self, key: str, pixels: Rgba, left: int, top: int) -> None:
        """Show these pixels, shape (height, width, 4) with premultiplied colours, from now on. Raises GlError."""
        gl = self._context.gl
        height, width, _ = pixels.shape
        texture = self._textures.get(key)
        if texture is None or (texture.texture.width, texture.texture.height) != (width, height):
            self._drop(key)
            texture = UploadTexture(self._context, _MAPPING.substitutes[-1], _MAPPING.upload, (width, height))
            self._textures[key] = texture
            self._steps = None
        if self._places.get(key) != (left, top):
            self._places[key] = (left, top)
            self._steps = None
        texture.send(pixels.reshape(height, -1))
        gl.check("uploading an overlay")

    def draw(self, target: RenderTarget) -> None:
        """Draw the pictures over what was drawn into the target. Raises GlError."""
        if self._steps is None or target is not self._target:
            self._prepare(target)
        run_steps(self._steps or ())
        code = self._context.gl.GetError()
        if code:
            raise GlError("drawing an overlay", (code, *self._context.gl.errors()))

    def _prepare(self, target: RenderTarget) -> None:
        area = target.picture_area
        clip = ClipSpace(target, Placement(target.width, target.height, area, area))
        steps = self._compositor.resume(target)
        for key, upload in self._textures.items():
            texture = upload.texture
            image = Image(texture, _FORMAT, _MAPPING.decode, texture.width, texture.height)
            steps += self._compositor.layer(clip, image, _STYLE).move(*self._places[key])
        self._steps = (*steps, *self._compositor.end)
        self._target = target

    def _drop(self, key: str) -> None:
        texture = self._textures.pop(key, None)
        if texture is not None:
            texture.release()
            self._context.sweep()

    def release(self) -> None:
        """Delete everything; more calls do nothing."""
        for key in tuple(self._textures):
            self._drop(key)
        self._steps = None
        self._compositor.release()
