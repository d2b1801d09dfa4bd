"""The import ladder: from a dma-buf to a texture without touching a pixel.

The rungs, tried in order until one holds:

1. ``explicit-modifier``: the plane's fourcc and modifier, when the display advertises the pair or advertises nothing.
2. ``no-modifier``: the fourcc alone. What the display then makes of tiling is its own affair, so a tiled plane gets
   this far only where the driver remembers the tiling (:func:`_knows_tiling`).
3. ``reinterpreted``: another fourcc with the same bytes, decoded by a swizzle or a shader, for formats the GPU lacks.
4. ``external``: the fourcc as an external texture, decoded by the driver, for YUV.

An EGLImage proves nothing: drivers look at the memory behind it when it is drawn. So each import is drawn once, into
one pixel, before it counts. And llvmpipe takes any fd at all, maps it in the first draw, and crashes when it cannot
(Mesa 25.0, ``dri_sw_winsys.c``, dri_sw_displaytarget_map; its callers do not look): so what it is going to do is
tried here before.
"""

import ctypes
import mmap
from collections.abc import Iterator
from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.errors import error_text
from app.formats.fourcc import Family, PixelFormat, format_name
from app.formats.modifier import modifier_name
from app.planes.buffer import DmaBuffer
from app.planes.plane import Plane
from app.planes.status import Reason
from gl import egl as k
from gl.compositor import Image
from gl.context import Context
from gl.errors import GlError, egl_error_name
from gl.formats import Decode, Recipe, StandIn, Swizzle, recipe_of
from gl.outcome import ImportFailure, ImportMethod
from gl.probe_draw import Pixel
from gl.textures import texture_of_image

# Tilings whose layout depends on bytes alone, so that a stand-in of another fourcc reads the same bytes. Layouts
# with compression data do not survive that.
_PLAIN_LAYOUTS = frozenset(
    (
        drm.DRM_FORMAT_MOD_LINEAR,
        drm.I915_FORMAT_MOD_X_TILED,
        drm.I915_FORMAT_MOD_Y_TILED,
        drm.I915_FORMAT_MOD_Yf_TILED,
        drm.I915_FORMAT_MOD_4_TILED,
    )
)

_EGL_SENTENCES = {
    0x3002: "the display does not take this stride or offset",
    0x3003: "the display cannot get at the buffer's memory",
    0x3004: "the display wants other attributes for this format",
    0x3009: "the display does not take this format or modifier",
    0x300C: "the display finds attributes missing or wrong",
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One import to try; ``modifier`` None leaves it out. ``pixels`` is how many a texel holds.

    ``external`` makes an external texture of it, which is the only one some drivers allow.
    """

    rung: ImportMethod
    fourcc: int
    modifier: int | None
    decode: Decode
    swizzle: Swizzle
    pixels: int
    external: bool


class Importer:
    """Imports buffers into one context; ``pixel`` is where each import is proven."""

    def __init__(self, context: Context, pixel: Pixel) -> None:
        self._context = context
        self._pixel = pixel

    def load(
        self, plane: Plane, known: PixelFormat, buffer: DmaBuffer
    ) -> tuple[Image | None, ImportMethod | None, tuple[ImportFailure, ...], Reason]:
        """The image of a checked plane with the rung that held; or None with the reason to copy instead.

        The failures are those of the rungs tried before, in order.
        """
        context = self._context
        if not context.imports_dma_bufs:
            missing = (
                "OpenGL ES has no GL_OES_EGL_image"
                if context.display.imports_dma_bufs
                else "this EGL display has no EGL_EXT_image_dma_buf_import"
            )
            return None, None, (ImportFailure(ImportMethod.EXPLICIT, None, missing),), Reason.NO_IMPORT_EXTENSION
        unmappable = _unmappable(buffer) if context.software else None
        if unmappable:
            return None, None, (ImportFailure(ImportMethod.EXPLICIT, None, unmappable),), Reason.IMPORT_FAILED
        climb = _Climb(context, plane, known, buffer)
        for attempt in climb.attempts():
            image = self._try(climb, attempt)
            if image is not None:
                return image, attempt.rung, tuple(climb.failures), Reason.OK
        return None, None, tuple(climb.failures), climb.reason()

    def _try(self, climb: "_Climb", attempt: _Attempt) -> Image | None:
        gl = self._context.gl
        plane = climb.plane
        width = -(-plane.width // attempt.pixels)
        # What is left over from others is not this import's doing.
        gl.errors()
        handle = _create_image(self._context, climb, attempt, width)
        if not handle:
            return None
        texture = texture_of_image(
            self._context, handle, attempt.swizzle, width, plane.height, external=attempt.external
        )
        image = Image(texture, climb.known, attempt.decode, plane.width, plane.height)
        try:
            gl.check("glEGLImageTargetTexture2DOES")
            self._pixel.prove(image)
        except GlError as error:
            texture.release()
            self._context.sweep()
            climb.fail(attempt.rung, None, f"the image was made but cannot be used: {error}")
            return None
        return image


class _Climb:
    """One plane on its way up the ladder: which attempts it gets, and what was said against them."""

    def __init__(self, context: Context, plane: Plane, known: PixelFormat, buffer: DmaBuffer) -> None:
        self.context = context
        self.plane = plane
        self.known = known
        self.buffer = buffer
        self.failures: list[ImportFailure] = []
        self.refused_format = False
        self._refused_modifier = False
        self._tried = False

    def fail(self, rung: ImportMethod, egl_error: int | None, message: str) -> None:
        name = None if egl_error is None else egl_error_name(egl_error)
        self.failures.append(ImportFailure(rung, name, message))
        if egl_error == k.EGL_BAD_MATCH:
            self.refused_format = True
        else:
            self._tried = True

    def _lacks(self, rung: ImportMethod, message: str) -> None:
        self.failures.append(ImportFailure(rung, None, message))

    def reason(self) -> Reason:
        """Why nothing held."""
        if self._tried:
            return Reason.IMPORT_FAILED
        if self._refused_modifier or self.plane.modifier not in (
            drm.DRM_FORMAT_MOD_LINEAR,
            drm.DRM_FORMAT_MOD_INVALID,
        ):
            return Reason.MODIFIER_NOT_IMPORTABLE
        return Reason.FORMAT_NOT_IMPORTABLE

    def attempts(self) -> Iterator[_Attempt]:
        """Lazily, as later rungs depend on how earlier ones failed."""
        recipe = recipe_of(self.known)
        own = StandIn(self.plane.fourcc, recipe.decode, recipe.native)
        if recipe.decodes_natively:
            yield from self._ways(ImportMethod.EXPLICIT, ImportMethod.IMPLICIT, own)
        if not recipe.decodes_natively or self.refused_format:
            yield from self._stand_ins(recipe)
        if self.known.family is Family.YUV422:
            yield from self._ways(ImportMethod.EXTERNAL, ImportMethod.EXTERNAL, own, external=True)

    def _stand_ins(self, recipe: Recipe) -> Iterator[_Attempt]:
        if self.plane.modifier not in _PLAIN_LAYOUTS | {drm.DRM_FORMAT_MOD_INVALID}:
            name = modifier_name(self.plane.modifier)
            self._lacks(ImportMethod.REINTERPRETED, f"{name} cannot be read through another format")
            return
        for each in recipe.stand_ins:
            if each.fourcc != self.plane.fourcc:
                yield from self._ways(ImportMethod.REINTERPRETED, ImportMethod.REINTERPRETED, each)

    def _ways(
        self, explicit: ImportMethod, implicit: ImportMethod, way: StandIn, *, external: bool = False
    ) -> Iterator[_Attempt]:
        """With the modifier, then without."""
        display, modifier, name = self.context.display, self.plane.modifier, format_name(way.fourcc)
        if display.formats and way.fourcc not in display.formats:
            self.refused_format = True
            self._lacks(explicit, f"the display does not import {name}")
            return
        advertised = {each.value: each.external_only for each in display.modifiers(way.fourcc)}
        if not display.extensions.EGL_EXT_image_dma_buf_import_modifiers:
            self._lacks(explicit, "this EGL display has no EGL_EXT_image_dma_buf_import_modifiers")
        elif modifier == drm.DRM_FORMAT_MOD_INVALID:
            self._lacks(explicit, "the driver names no modifier")
        elif advertised and modifier not in advertised:
            self._refused_modifier = True
            self._lacks(explicit, f"the display does not import {name} with modifier {modifier_name(modifier)}")
        else:
            yield from self._attempt(explicit, way, modifier, external=external or advertised.get(modifier, False))
        if not self._may_be_implicit():
            self._lacks(implicit, "without a modifier this display would not know the tiling")
            return
        # Where every modifier is for external textures only, none at all will be too.
        only = bool(advertised) and all(advertised.values())
        yield from self._attempt(implicit, way, None, external=external or only)

    def _attempt(self, rung: ImportMethod, way: StandIn, modifier: int | None, *, external: bool) -> Iterator[_Attempt]:
        if external and not self.context.external_textures:
            self._lacks(rung, "OpenGL ES has no GL_OES_EGL_image_external_essl3, which this format would need")
            return
        yield _Attempt(rung, way.fourcc, modifier, way.decode, way.swizzle, way.pixels, external)

    def _may_be_implicit(self) -> bool:
        linear = self.plane.modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID)
        return linear or _knows_tiling(self.context, self.plane, self.buffer)


def _knows_tiling(context: Context, plane: Plane, buffer: DmaBuffer) -> bool:
    """Whether the renderer learns a buffer's tiling from the kernel: i915 keeps X and Y with the object (GET_TILING).

    GVT-g notes there what the guest's plane register says, but calls Yf tiling Y as well (i915 ``gvt/dmabuf.c``,
    vgpu_create_gem).
    """
    intel = "intel" in (context.vendor + context.renderer).lower()
    noted = plane.modifier in (drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Y_TILED)
    return intel and noted and buffer.exporter == "i915"


def _unmappable(buffer: DmaBuffer) -> str | None:
    """Why a renderer that runs on the CPU cannot read the buffer; None when it can."""
    try:
        mmap.mmap(buffer.dmabuf_fd or -1, buffer.size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ).close()
    except (OSError, ValueError) as error:
        why = error_text(error) if isinstance(error, OSError) else str(error)
        return f"OpenGL runs on the CPU here and cannot map the buffer: {why}"
    return None


def _create_image(context: Context, climb: _Climb, attempt: _Attempt, width: int) -> int:
    """An EGLImage, or 0 with the failure noted. EGL does not take over the fd."""
    fd = climb.buffer.dmabuf_fd
    assert fd is not None
    attributes = [
        *(k.EGL_WIDTH, width),
        *(k.EGL_HEIGHT, climb.plane.height),
        *(k.EGL_LINUX_DRM_FOURCC_EXT, attempt.fourcc),
        *(k.EGL_DMA_BUF_PLANE0_FD_EXT, fd),
        *(k.EGL_DMA_BUF_PLANE0_OFFSET_EXT, climb.plane.offset),
        *(k.EGL_DMA_BUF_PLANE0_PITCH_EXT, climb.plane.stride),
    ]
    if attempt.modifier is not None:
        attributes += [
            *(k.EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, attempt.modifier & 0xFFFF_FFFF),
            *(k.EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT, attempt.modifier >> 32),
        ]
    if attempt.rung is ImportMethod.EXTERNAL:
        attributes += [
            *(k.EGL_YUV_COLOR_SPACE_HINT_EXT, k.EGL_ITU_REC601_EXT),
            *(k.EGL_SAMPLE_RANGE_HINT_EXT, k.EGL_YUV_NARROW_RANGE_EXT),
        ]
    values = (ctypes.c_int32 * (len(attributes) + 1))(*attributes, k.EGL_NONE)
    egl, display = context.egl, context.display.handle
    image = egl.CreateImageKHR(display, None, k.EGL_LINUX_DMA_BUF_EXT, None, ctypes.addressof(values))
    if image:
        return int(image)
    code = egl.GetError()
    climb.fail(attempt.rung, code, _EGL_SENTENCES.get(code, "the display refused the buffer"))
    return 0
