"""OpenGL ES contexts: one of our own without a window, or the one that Qt made current.

The rest of this package sees both as one class: entry points, display, capabilities, and a queue of objects to delete
on the thread that owns the context.
"""

import ctypes
import threading
from collections import deque
from types import TracebackType
from typing import Self

from gl import api
from gl import egl_constants as const
from gl.api import Gl
from gl.egl import Egl
from gl.egl_display import DisplayOrigin, EglDisplay, Platform, current_display, open_display, open_origin
from gl.errors import GraphicsError, UnsupportedContext
from gl.trial_record import Record, default_record

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "lavapipe")


class Context:
    """A context that is current in the thread that constructs this object; that thread owns it.

    ``renderer``, ``vendor`` and ``version`` are OpenGL's strings. ``software``: the CPU draws. ``max_texture_size`` is
    in pixels. ``external_textures``: shaders may sample external images.

    ``record`` remembers which imports this kind of display survives; None for the user's own record.
    ``waits_for_trials``: an import may wait until its trial has ended, see :mod:`gl.import_trials`. ``shared``: others
    draw with the context too, and change its state. ``fallback_reason`` says why another GPU draws than the one that
    exports the guest's buffers; empty if that one draws, or if nobody looked for it (:mod:`gl.offscreen_context`).
    """

    waits_for_trials = False
    shared = False
    fallback_reason = ""

    def __init__(self, display: EglDisplay, record: Record | None = None) -> None:
        self.display = display
        self.record = record if record is not None else default_record()
        self.egl: Egl = display.egl
        self.gl = Gl(self.egl.address)
        self.version = self.gl.text(api.GL_VERSION)
        if not self.version.startswith("OpenGL ES ") or self.version.startswith("OpenGL ES 2"):
            raise UnsupportedContext(f"OpenGL ES 3.0 is needed, the current context is {self.version!r}")
        self.renderer = self.gl.text(api.GL_RENDERER)
        self.vendor = self.gl.text(api.GL_VENDOR)
        self.software = any(each in self.renderer.lower() for each in _SOFTWARE)
        self.extensions = frozenset(self.gl.extensions())
        self.max_texture_size = self.gl.integer(api.GL_MAX_TEXTURE_SIZE)
        self.external_textures = "GL_OES_EGL_image_external_essl3" in self.extensions
        self.imports_dma_bufs = display.imports_dma_bufs and "GL_OES_EGL_image" in self.extensions
        self.thread = threading.get_ident()
        # Appending to a deque is atomic, so a finalizer may do it in any thread.
        self._discarded: deque[tuple[int, int]] = deque()

    def discard(self, texture: int, image: int) -> None:
        """Queue a texture and an EGLImage (0 for none) for :meth:`sweep` to delete. Any thread may call this."""
        self._discarded.append((texture, image))

    def sweep(self) -> None:
        """Delete what was discarded. Does nothing in another thread than the context's."""
        while self._discarded and threading.get_ident() == self.thread:
            texture, image = self._discarded.popleft()
            if texture:
                self.gl.delete(self.gl.DeleteTextures, texture)
            if image:
                self.egl.DestroyImageKHR(self.display.handle, image)

    def close(self) -> None:
        """Delete what was discarded; the context itself belongs to its creator. Must be current."""
        self.sweep()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class CurrentContext(Context):
    """The context that is current now, for example Qt's. Raises :class:`UnsupportedContext` when it cannot be used.

    ``origin`` is what the caller knows of its display.
    """

    shared = True

    def __init__(self, origin: DisplayOrigin | None = None, record: Record | None = None) -> None:
        super().__init__(current_display(origin), record)


class SurfacelessContext(Context):
    """A context of our own without a window or window system. The constructor makes it current.

    ``device`` is a DRM node (``/dev/dri/renderD128``) to draw on; None lets EGL choose. ``origin`` opens exactly this
    display instead. ``debug`` asks the driver for all its messages (:mod:`gl.debug`). Raises
    :class:`UnsupportedContext` or :class:`EglError`.

    Where EGL chooses a DRM node and the CPU draws on it, the display is EGL's software device instead. Mesa's
    kms_swrast driver maps imported buffers through the node (DRM_IOCTL_MODE_MAP_DUMB), which vgem and virtio-gpu
    refuse for buffers of others (``drivers/gpu/drm/drm_gem.c``, drm_gem_dumb_map_offset); it then reads address 0.
    """

    waits_for_trials = True

    def __init__(
        self,
        device: str | None = None,
        *,
        origin: DisplayOrigin | None = None,
        debug: bool = False,
        record: Record | None = None,
    ) -> None:
        self._handle = 0
        self._start(open_origin(origin) if origin is not None else open_display(device), record, debug=debug)
        # On a host without a DRM node EGL chooses the software device by itself, and on a GPU this asks nothing more.
        if origin is None and device is None and self.software and not self.display.on_software_device:
            self._move_to_software_device(record, debug=debug)

    def _start(self, display: EglDisplay, record: Record | None, *, debug: bool) -> None:
        try:
            self._handle = _create_context(display, debug=debug)
            egl = display.egl
            egl.require(egl.MakeCurrent(display.handle, None, None, self._handle), "eglMakeCurrent")
            super().__init__(display, record)
        except BaseException:
            self._destroy(display)
            raise

    def _move_to_software_device(self, record: Record | None, *, debug: bool) -> None:
        try:
            display = open_origin(DisplayOrigin(Platform.SOFTWARE))
        except GraphicsError:
            # An EGL without such a device, or one that cannot be used: the display stays as it is.
            return
        self._destroy(self.display)
        self._start(display, record, debug=debug)

    def make_current(self) -> None:
        """Make the context current again in its thread, after another one was current."""
        self.egl.require(self.egl.MakeCurrent(self.display.handle, None, None, self._handle), "eglMakeCurrent")

    def close(self) -> None:
        """Delete everything and destroy the context; more calls do nothing. Call it in the context's thread."""
        if self._handle:
            try:
                self.make_current()
                self.sweep()
            finally:
                # The textures of a context that is lost go with it, but EGL's images belong to the display.
                while self._discarded:
                    _, image = self._discarded.popleft()
                    if image:
                        self.egl.DestroyImageKHR(self.display.handle, image)
                self._destroy(self.display)

    def _destroy(self, display: EglDisplay) -> None:
        handle, self._handle = self._handle, 0
        if handle:
            display.egl.MakeCurrent(display.handle, None, None, None)
            display.egl.DestroyContext(display.handle, handle)
        display.close()


def _create_context(display: EglDisplay, *, debug: bool) -> int:
    egl = display.egl
    if not display.extensions.EGL_KHR_surfaceless_context:
        raise UnsupportedContext(f"the EGL of {display.vendor} cannot draw without a window")
    egl.require(egl.BindAPI(const.EGL_OPENGL_ES_API), "eglBindAPI")
    attributes = [const.EGL_CONTEXT_MAJOR_VERSION, 3, const.EGL_CONTEXT_MINOR_VERSION, 0]
    if debug:
        attributes += [const.EGL_CONTEXT_OPENGL_DEBUG, const.EGL_TRUE]
    values = (ctypes.c_int32 * (len(attributes) + 1))(*attributes, const.EGL_NONE)
    config = None if display.extensions.EGL_KHR_no_config_context else _any_config(display)
    created = egl.CreateContext(display.handle, config, None, ctypes.addressof(values))
    return int(egl.require(created, "eglCreateContext"))


def _any_config(display: EglDisplay) -> int:
    egl = display.egl
    attributes = (ctypes.c_int32 * 5)(
        const.EGL_SURFACE_TYPE, 0, const.EGL_RENDERABLE_TYPE, const.EGL_OPENGL_ES3_BIT, const.EGL_NONE
    )
    config = ctypes.c_void_p()
    count = ctypes.c_int32()
    egl.require(
        egl.ChooseConfig(
            display.handle, ctypes.addressof(attributes), ctypes.addressof(config), 1, ctypes.addressof(count)
        ),
        "eglChooseConfig",
    )
    if not count.value or not config.value:
        raise UnsupportedContext(f"the EGL of {display.vendor} has no configuration for OpenGL ES 3")
    return config.value
