"""The import ladder: which import methods a plane gets, in which order, and why they failed.

1. ``explicit-modifier``: the plane's fourcc and modifier, when the display advertises the pair or advertises nothing.
2. ``no-modifier``: the fourcc alone. The display then assumes a tiling, so a tiled plane is imported this way only
   where the driver knows the buffer's tiling (:func:`_driver_knows_tiling`).
3. ``reinterpreted``: another fourcc with the same bytes, decoded by a swizzle or a shader, for formats the GPU lacks.
4. ``external``: the fourcc as an external texture, decoded by the driver, for YUV.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.abi import drm_fourcc as drm
from app.formats.fourcc import Family, PixelFormat, format_name
from app.formats.modifier import modifier_name
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Plane
from app.planes.status import Reason
from gl.context import Context
from gl.egl_constants import EGL_BAD_MATCH
from gl.errors import EglError, GraphicsError
from gl.formats import Decode, FormatMapping, SubstituteFormat, Swizzle, format_mapping
from gl.retry import may_pass

# Tilings whose layout depends on bytes alone: a substitute of another fourcc reads the same bytes. This is not true
# of layouts with compression data.
_PLAIN_LAYOUTS = frozenset(
    (
        drm.DRM_FORMAT_MOD_LINEAR,
        drm.I915_FORMAT_MOD_X_TILED,
        drm.I915_FORMAT_MOD_Y_TILED,
        drm.I915_FORMAT_MOD_Yf_TILED,
        drm.I915_FORMAT_MOD_4_TILED,
    )
)


@dataclass(frozen=True, slots=True)
class ImportAttempt:
    """One import to try.

    ``modifier`` is None when the import names none. ``pixels`` is how many pixels of the plane one texel holds.
    ``external`` makes an external texture, the only kind that some drivers allow.
    """

    method: ImportMethod
    fourcc: int
    modifier: int | None
    decode: Decode
    swizzle: Swizzle
    pixels: int
    external: bool


class ImportLadder:
    """The import attempts for one plane of format ``pixel_format``; ``failures`` are those so far, in order.

    ``exporter`` is that of the plane's buffer.
    """

    def __init__(self, context: Context, plane: Plane, pixel_format: PixelFormat, exporter: str | None) -> None:
        self._context = context
        self._plane = plane
        self._format = pixel_format
        self._exporter = exporter
        self.failures: list[ImportFailure] = []
        self._format_refused = False
        self._modifier_refused = False
        self._import_failed = False

    def egl_failed(self, attempt: ImportAttempt, error: EglError, message: str) -> None:
        """Record that EGL made no image."""
        self.failures.append(ImportFailure(attempt.method, error.name, message, may_pass(error)))
        if error.code == EGL_BAD_MATCH:
            self._format_refused = True
        else:
            self._import_failed = True

    def draw_failed(self, attempt: ImportAttempt, error: GraphicsError) -> None:
        """Record that EGL made an image and OpenGL could not draw it, or drew other pixels."""
        message = f"the image was made but cannot be used: {error}"
        self.failures.append(ImportFailure(attempt.method, None, message, may_pass(error)))
        self._import_failed = True

    def _skip(self, method: ImportMethod, message: str) -> None:
        """Record why a method was not tried."""
        self.failures.append(ImportFailure(method, None, message))

    def reason(self) -> Reason:
        """Why no attempt succeeded."""
        if self._import_failed:
            return Reason.IMPORT_FAILED
        if self._modifier_refused or not is_linear(self._plane):
            return Reason.MODIFIER_NOT_IMPORTABLE
        return Reason.FORMAT_NOT_IMPORTABLE

    def attempts(self) -> Iterator[ImportAttempt]:
        """The attempts in order. Lazy, because later ones depend on how earlier ones failed."""
        mapping = format_mapping(self._format)
        own = SubstituteFormat(self._plane.fourcc, mapping.decode, mapping.native)
        if mapping.decodes_natively:
            yield from self._with_and_without_modifier(ImportMethod.EXPLICIT, ImportMethod.IMPLICIT, own)
        if not mapping.decodes_natively or self._format_refused:
            yield from self._reinterpreted(mapping)
        if self._format.family is Family.YUV422:
            method = ImportMethod.EXTERNAL
            yield from self._with_and_without_modifier(method, method, own, external=True)

    def _reinterpreted(self, mapping: FormatMapping) -> Iterator[ImportAttempt]:
        method = ImportMethod.REINTERPRETED
        if self._plane.modifier not in _PLAIN_LAYOUTS | {drm.DRM_FORMAT_MOD_INVALID}:
            self._skip(method, f"{modifier_name(self._plane.modifier)} cannot be read through another format")
            return
        for substitute in mapping.substitutes:
            if substitute.fourcc != self._plane.fourcc:
                yield from self._with_and_without_modifier(method, method, substitute)

    def _with_and_without_modifier(
        self, explicit: ImportMethod, implicit: ImportMethod, source: SubstituteFormat, *, external: bool = False
    ) -> Iterator[ImportAttempt]:
        display, modifier, name = self._context.display, self._plane.modifier, format_name(source.fourcc)
        if display.formats and source.fourcc not in display.formats:
            self._format_refused = True
            self._skip(explicit, f"the display does not import {name}")
            return
        advertised = {each.value: each.external_only for each in display.modifiers(source.fourcc)}
        if not display.extensions.EGL_EXT_image_dma_buf_import_modifiers:
            self._skip(explicit, "this EGL display has no EGL_EXT_image_dma_buf_import_modifiers")
        elif modifier == drm.DRM_FORMAT_MOD_INVALID:
            self._skip(explicit, "the driver names no modifier")
        elif advertised and modifier not in advertised:
            self._modifier_refused = True
            self._skip(explicit, f"the display does not import {name} with modifier {modifier_name(modifier)}")
        else:
            external_only = advertised.get(modifier, False)
            yield from self._attempt(explicit, source, modifier, external=external or external_only)
        if not is_linear(self._plane) and not _driver_knows_tiling(self._context, self._plane, self._exporter):
            self._skip(implicit, "without a modifier this display would not know the tiling")
            return
        # Where every modifier is for external textures only, an import without one is too.
        external_only = bool(advertised) and all(advertised.values())
        yield from self._attempt(implicit, source, None, external=external or external_only)

    def _attempt(
        self, method: ImportMethod, source: SubstituteFormat, modifier: int | None, *, external: bool
    ) -> Iterator[ImportAttempt]:
        if external and not self._context.external_textures:
            self._skip(method, "OpenGL ES has no GL_OES_EGL_image_external_essl3, which this format needs")
            return
        yield ImportAttempt(method, source.fourcc, modifier, source.decode, source.swizzle, source.pixels, external)


def is_linear(plane: Plane) -> bool:
    """Whether rows follow one another. A plane without a modifier counts as linear, as nothing names another layout."""
    return plane.modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID)


def _driver_knows_tiling(context: Context, plane: Plane, exporter: str | None) -> bool:
    """Whether the renderer learns a buffer's tiling from the kernel: i915 keeps X and Y with the object (GET_TILING).

    GVT-g stores there what the guest's plane register says, but stores Y for Yf tiling as well (i915
    ``gvt/dmabuf.c``, vgpu_create_gem).
    """
    intel = "intel" in (context.vendor + context.renderer).lower()
    stored = plane.modifier in (drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Y_TILED)
    return intel and stored and exporter == "i915"
