"""An initialised EGLDisplay: opened or adopted, and which dma-bufs it says it can import."""

import ctypes
import functools
import threading
from collections import Counter
from dataclasses import dataclass, fields

from gl import egl_constants as const
from gl.egl import Egl, load_egl
from gl.errors import UnsupportedContext

_INT = ctypes.c_int32

# eglInitialize does not count, eglTerminate ends the display for everyone: so count here.
_opened: Counter[int] = Counter()
_opened_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class DisplayExtensions:
    """Which of the extensions this program uses a display has; each field is named as the extension is."""

    EGL_EXT_image_dma_buf_import: bool = False
    EGL_EXT_image_dma_buf_import_modifiers: bool = False
    EGL_KHR_image_base: bool = False
    EGL_KHR_no_config_context: bool = False
    EGL_KHR_surfaceless_context: bool = False


def extensions_of(names: frozenset[str]) -> DisplayExtensions:
    """The booleans for a list of extension names."""
    # KHR_image is what older displays call image_base and two extensions more.
    if "EGL_KHR_image" in names:
        names |= {"EGL_KHR_image_base"}
    if "EGL_MESA_configless_context" in names:
        names |= {"EGL_KHR_no_config_context"}
    return DisplayExtensions(**{each.name: each.name in names for each in fields(DisplayExtensions)})


@dataclass(frozen=True, slots=True)
class Modifier:
    """A modifier a display imports for some format; ``external_only`` means through an external texture."""

    value: int
    external_only: bool


class EglDisplay:
    """``handle`` is the EGLDisplay. An adopted display belongs to someone else and is not terminated."""

    def __init__(self, egl: Egl, handle: int, *, adopted: bool) -> None:
        self.egl = egl
        self.handle = handle
        self._adopted = adopted
        self.vendor = egl.strings(handle, const.EGL_VENDOR)
        self.version = egl.strings(handle, const.EGL_VERSION)
        self.extensions: DisplayExtensions = extensions_of(frozenset(egl.strings(handle, const.EGL_EXTENSIONS).split()))
        self._modifiers: dict[int, tuple[Modifier, ...]] = {}

    @property
    def imports_dma_bufs(self) -> bool:
        """Whether a dma-buf can become an EGLImage at all."""
        return self.extensions.EGL_EXT_image_dma_buf_import and self.extensions.EGL_KHR_image_base

    @functools.cached_property
    def formats(self) -> tuple[int, ...]:
        """The fourccs the display advertises for import; empty when it cannot be asked."""
        if not self.extensions.EGL_EXT_image_dma_buf_import_modifiers:
            return ()
        count = _INT()
        query = self.egl.QueryDmaBufFormatsEXT
        if not query(self.handle, 0, None, ctypes.addressof(count)) or count.value <= 0:
            self.egl.GetError()
            return ()
        codes = (ctypes.c_uint32 * count.value)()
        if not query(self.handle, len(codes), ctypes.addressof(codes), ctypes.addressof(count)):
            self.egl.GetError()
            return ()
        return tuple(codes[: count.value])

    def modifiers(self, fourcc: int) -> tuple[Modifier, ...]:
        """The modifiers advertised for ``fourcc``; empty when there are none or the display cannot be asked."""
        known = self._modifiers.get(fourcc)
        if known is None:
            known = self._modifiers[fourcc] = self._query_modifiers(fourcc)
        return known

    def _query_modifiers(self, fourcc: int) -> tuple[Modifier, ...]:
        if fourcc not in self.formats:
            return ()
        count = _INT()
        query = self.egl.QueryDmaBufModifiersEXT
        if not query(self.handle, fourcc, 0, None, None, ctypes.addressof(count)) or count.value <= 0:
            self.egl.GetError()
            return ()
        values = (ctypes.c_uint64 * count.value)()
        external = (ctypes.c_uint32 * count.value)()
        addresses = (ctypes.addressof(values), ctypes.addressof(external), ctypes.addressof(count))
        if not query(self.handle, fourcc, len(values), *addresses):
            self.egl.GetError()
            return ()
        return tuple(
            Modifier(value, bool(only))
            for value, only in zip(values[: count.value], external[: count.value], strict=True)
        )

    @functools.cached_property
    def render_node(self) -> str | None:
        """The DRM node this display renders on (``/dev/dri/renderD128``); None for software and when untold."""
        if "EGL_EXT_device_query" not in self.egl.client_extensions():
            return None
        device = ctypes.c_ssize_t()
        if not self.egl.QueryDisplayAttribEXT(self.handle, const.EGL_DEVICE_EXT, ctypes.addressof(device)):
            self.egl.GetError()
            return None
        return _node_of(self.egl, device.value)

    def close(self) -> None:
        """Terminate the display when its last user here is done; more calls do nothing."""
        handle, self.handle = self.handle, 0
        if not handle or self._adopted:
            return
        with _opened_lock:
            _opened[handle] -= 1
            if not _opened[handle]:
                del _opened[handle]
                self.egl.Terminate(handle)


def _node_of(egl: Egl, device: int) -> str | None:
    names = egl.device_extensions(device)
    for extension, attribute in (
        ("EGL_EXT_device_drm_render_node", const.EGL_DRM_RENDER_NODE_FILE_EXT),
        ("EGL_EXT_device_drm", const.EGL_DRM_DEVICE_FILE_EXT),
    ):
        if extension in names:
            node = egl.QueryDeviceStringEXT(device, attribute)
            if node:
                return bytes(node).decode()
            egl.GetError()
    return None


def open_display(device: str | None = None) -> EglDisplay:
    """A display that needs no window system, on the DRM node ``device`` or wherever EGL likes best.

    Raises :class:`UnsupportedContext` when there is none, :class:`EglError` when it does not start.
    """
    egl = load_egl()
    extensions = egl.client_extensions()
    if device is None and "EGL_MESA_platform_surfaceless" in extensions:
        handle = egl.GetPlatformDisplayEXT(const.EGL_PLATFORM_SURFACELESS_MESA, None, None)
    elif "EGL_EXT_platform_device" in extensions and (
        {"EGL_EXT_device_enumeration", "EGL_EXT_device_base"} & extensions
    ):
        handle = egl.GetPlatformDisplayEXT(const.EGL_PLATFORM_DEVICE_EXT, _device(egl, device), None)
    elif device is not None:
        raise UnsupportedContext(f"this EGL cannot be told to use {device}: it has no device platform")
    else:
        raise UnsupportedContext("this EGL can only draw into windows: no surfaceless and no device platform")
    egl.require(handle, "eglGetPlatformDisplayEXT")
    with _opened_lock:
        egl.require(egl.Initialize(handle, None, None), "eglInitialize")
        _opened[handle] += 1
    return EglDisplay(egl, handle, adopted=False)


def _device(egl: Egl, node: str | None) -> int:
    count = _INT()
    egl.require(egl.QueryDevicesEXT(0, None, ctypes.addressof(count)), "eglQueryDevicesEXT")
    devices = (ctypes.c_void_p * max(count.value, 1))()
    egl.require(
        egl.QueryDevicesEXT(len(devices), ctypes.addressof(devices), ctypes.addressof(count)), "eglQueryDevicesEXT"
    )
    nodes = {int(each): _node_of(egl, int(each)) for each in devices[: count.value] if each}
    for each, found in nodes.items():
        if node is None or found == node:
            return each
    known = ", ".join(sorted(each for each in nodes.values() if each)) or "none"
    raise UnsupportedContext(f"EGL knows no device {node}; it knows: {known}")


def current_display() -> EglDisplay:
    """The display of the context that is current in this thread. Raises :class:`UnsupportedContext` without one."""
    egl = load_egl()
    handle = egl.GetCurrentDisplay()
    if not handle or not egl.GetCurrentContext():
        raise UnsupportedContext(
            "no EGL context is current; under X11 Qt uses GLX unless QT_XCB_GL_INTEGRATION=xcb_egl is set"
        )
    return EglDisplay(egl, handle, adopted=True)
