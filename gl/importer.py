"""The import of dma-bufs: from a buffer to a texture without a copy of its pixels.

An EGLImage alone proves nothing: drivers access the memory behind it when it is drawn. So each import is drawn once,
and its pixels are compared with the buffer's (:mod:`gl.import_proof`), before it counts. What is never imported is
decided in :mod:`gl.import_check`. What a driver was not yet seen to survive is tried in another process first, see
:mod:`gl.import_trials`.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from app.formats.fourcc import PixelFormat
from app.planes.buffer import Buffer
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Plane
from app.planes.status import Reason
from gl import egl_constants as const
from gl.compositor import Image
from gl.context import Context
from gl.errors import EglError, GlError
from gl.import_check import import_obstacle
from gl.import_ladder import ImportAttempt, ImportLadder
from gl.import_proof import WrongPixels, prove_import
from gl.import_trials import ImportTrials
from gl.probe_draw import ProbeDraw
from gl.textures import texture_of_image

_EGL_MESSAGES = {
    const.EGL_BAD_ACCESS: "the display does not take this stride or offset",
    const.EGL_BAD_ALLOC: "the display cannot get at the buffer's memory",
    const.EGL_BAD_ATTRIBUTE: "the display wants other attributes for this format",
    const.EGL_BAD_MATCH: "the display does not take this format or modifier",
    const.EGL_BAD_PARAMETER: "the display finds attributes missing or wrong",
}
_MEMFD = "the buffer is a memfd, which only software OpenGL imports"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """``image`` and the ``method`` that made it; both None when every method failed, and ``reason`` tells why.

    ``failures`` are the methods that failed, in order.
    """

    image: Image | None
    method: ImportMethod | None
    failures: tuple[ImportFailure, ...]
    reason: Reason


class Importer:
    """Imports dma-bufs into one context; ``probe`` draws each image once.

    ``trials`` tells which imports the driver survives; None imports everything: only for the process of a trial.
    ``made_image`` makes it import also what this program never imports, only to find out what the driver does, and is
    called each time when EGL has made an image: for the process of such a trial.

    ``foreign`` is set where another GPU exports the buffers: this one's driver then cannot ask the kernel for a tiling.
    """

    foreign = False

    def __init__(
        self,
        context: Context,
        probe: ProbeDraw,
        trials: ImportTrials | None,
        made_image: Callable[[], object] | None = None,
    ) -> None:
        self._context = context
        self._probe = probe
        self._trials = trials
        self._made_image = made_image

    def load(self, plane: Plane, pixel_format: PixelFormat, buffer: Buffer) -> ImportResult:
        """Import the dma-buf of a plane that :func:`app.planes.check.check_plane` has passed.

        Raises OSError and MemoryError where fds or memory are short.
        """
        context = self._context
        if not context.imports_dma_bufs:
            missing = (
                "OpenGL ES has no GL_OES_EGL_image"
                if context.display.imports_dma_bufs
                else "this EGL display has no EGL_EXT_image_dma_buf_import"
            )
            return _not_tried(ImportFailure(ImportMethod.EXPLICIT, None, missing), Reason.NO_IMPORT_EXTENSION)
        if not context.software and buffer.exporter == "":
            # The kernel lets a GPU's driver import dma-bufs only (drivers/dma-buf/dma-buf.c, dma_buf_get).
            return _not_tried(ImportFailure(ImportMethod.EXPLICIT, None, _MEMFD), Reason.NO_DMA_BUF)
        obstacle = import_obstacle(plane, buffer, software=context.software)
        if obstacle is not None and self._made_image is None:
            return _not_tried(obstacle, Reason.IMPORT_FAILED)
        refusal = self._trials.refusal(plane, buffer) if self._trials is not None else None
        if refusal is not None:
            return _not_tried(refusal.failure, refusal.reason)
        ladder = ImportLadder(context, plane, pixel_format, None if self.foreign else buffer.exporter)
        for attempt in ladder.attempts():
            image = self._try(ladder, attempt, plane, pixel_format, buffer)
            if image is not None:
                return ImportResult(image, attempt.method, tuple(ladder.failures), Reason.OK)
        return ImportResult(None, None, tuple(ladder.failures), ladder.reason())

    def _try(
        self, ladder: ImportLadder, attempt: ImportAttempt, plane: Plane, pixel_format: PixelFormat, buffer: Buffer
    ) -> Image | None:
        """The image of one attempt; None when it failed, which is recorded in the ladder."""
        gl = self._context.gl
        width = -(-plane.width // attempt.pixels)
        # Clear errors of earlier calls, for example Qt's: they are not errors of this import.
        gl.errors()
        try:
            handle = _create_image(self._context, attempt, width, plane, buffer)
        except EglError as error:
            ladder.egl_failed(attempt, error, _EGL_MESSAGES.get(error.code, "the display refused the buffer"))
            return None
        if self._made_image is not None:
            self._made_image()
        texture = texture_of_image(
            self._context, handle, attempt.swizzle, width, plane.height, external=attempt.external
        )
        image = Image(texture, pixel_format, attempt.decode, plane.width, plane.height, plane.y_inverted)
        try:
            gl.check("glEGLImageTargetTexture2DOES")
            self._probe.check(image)
            prove_import(self._probe, image, plane, buffer)
        except (GlError, WrongPixels) as error:
            texture.release()
            self._context.sweep()
            ladder.draw_failed(attempt, error)
            return None
        except BaseException:
            # No finalizer may release it later: the context may be closed by then.
            texture.release()
            raise
        return image


def _not_tried(failure: ImportFailure, reason: Reason) -> ImportResult:
    return ImportResult(None, None, (failure,), reason)


def _create_image(context: Context, attempt: ImportAttempt, width: int, plane: Plane, buffer: Buffer) -> int:
    """An EGLImage of ``width`` texels a row. EGL does not take over the fd. Raises :class:`EglError`."""
    assert buffer.dmabuf_fd is not None
    attributes = [
        *(const.EGL_WIDTH, width),
        *(const.EGL_HEIGHT, plane.height),
        *(const.EGL_LINUX_DRM_FOURCC_EXT, attempt.fourcc),
        *(const.EGL_DMA_BUF_PLANE0_FD_EXT, buffer.dmabuf_fd),
        *(const.EGL_DMA_BUF_PLANE0_OFFSET_EXT, plane.offset),
        *(const.EGL_DMA_BUF_PLANE0_PITCH_EXT, plane.stride),
    ]
    if attempt.modifier is not None:
        attributes += [
            *(const.EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, attempt.modifier & 0xFFFF_FFFF),
            *(const.EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT, attempt.modifier >> 32),
        ]
    if attempt.method is ImportMethod.EXTERNAL:
        attributes += [
            *(const.EGL_YUV_COLOR_SPACE_HINT_EXT, const.EGL_ITU_REC601_EXT),
            *(const.EGL_SAMPLE_RANGE_HINT_EXT, const.EGL_YUV_NARROW_RANGE_EXT),
        ]
    values = (ctypes.c_int32 * (len(attributes) + 1))(*attributes, const.EGL_NONE)
    egl = context.egl
    image = egl.CreateImageKHR(
        context.display.handle, None, const.EGL_LINUX_DMA_BUF_EXT, None, ctypes.addressof(values)
    )
    return int(egl.require(image, "eglCreateImageKHR"))
