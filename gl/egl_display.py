"""An initialised EGLDisplay, opened here or adopted, and the dma-buf formats that it advertises."""

import ctypes
import functools
import threading
from collections import Counter
from dataclasses import dataclass, fields

from gl import egl_constants as const
from gl.egl import Egl, load_egl
from gl.errors import UnsupportedContext

_INT = ctypes.c_int32

# eglInitialize keeps no count, and eglTerminate ends the display for every user. So the users are counted here.
_opened: Counter[int] = Counter()
_opened_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class DisplayExtensions:
    """Which of the extensions that this program uses a display has. Each field has the name of its extension."""

    EGL_EXT_image_dma_buf_import: bool = False
    EGL_EXT_image_dma_buf_import_modifiers: bool = False
    EGL_KHR_image_base: bool = False
    EGL_KHR_no_config_context: bool = False
    EGL_KHR_surfaceless_context: bool = False


def extensions_of(names: frozenset[str]) -> DisplayExtensions:
    """The extensions among these names."""
    # KHR_image is the older name of image_base and two more extensions together.
    if "EGL_KHR_image" in names:
        names |= {"EGL_KHR_image_base"}
    if "EGL_MESA_configless_context" in names:
        names |= {"EGL_KHR_no_config_context"}
    return DisplayExtensions(**{each.name: each.name in names for each in fields(DisplayExtensions)})


@dataclass(frozen=True, slots=True)
class Modifier:
    """A modifier that a display imports with some format. ``external_only``: only as an external texture."""

    value: int
    external_only: bool


class EglDisplay:
    """``handle`` is the EGLDisplay. An adopted display belongs to others and is not terminated here."""

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
        """Whether EGL can make an image of a dma-buf."""
        return self.extensions.EGL_EXT_image_dma_buf_import and self.extensions.EGL_KHR_image_base

    @functools.cached_property
    def formats(self) -> tuple[int, ...]:
        """The fourccs that the display advertises for import; empty when it has no such query."""
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
        """The modifiers advertised for ``fourcc``; empty when there are none or the display has no such query."""
        modifiers = self._modifiers.get(fourcc)
        if modifiers is None:
            modifiers = self._modifiers[fourcc] = self._query_modifiers(fourcc)
        return modifiers

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
        """The DRM node that the display renders on (``/dev/dri/renderD128``); None when EGL names none."""
        if "EGL_EXT_device_query" not in self.egl.client_extensions():
            return None
        device = ctypes.c_ssize_t()
        if not self.egl.QueryDisplayAttribEXT(self.handle, const.EGL_DEVICE_EXT, ctypes.addressof(device)):
            self.egl.GetError()
            return None
        return _node_of(self.egl, device.value)

    def close(self) -> None:
        """Terminate the display when this was its last user; more calls do nothing."""
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
    """A display without a window system, on the DRM node ``device`` or on the one that EGL chooses.

    Raises :class:`UnsupportedContext` when there is none, :class:`EglError` when it cannot be initialised.
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
        raise UnsupportedContext(f"this EGL cannot use {device}: it has no device platform")
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
    for each, name in nodes.items():
        if node is None or name == node:
            return each
    names = ", ".join(sorted(each for each in nodes.values() if each)) or "none"
    raise UnsupportedContext(f"EGL knows no device {node}; it knows: {names}")


def current_display() -> EglDisplay:
    """The display of the context that is current in this thread. Raises :class:`UnsupportedContext` without one."""
    egl = load_egl()
    handle = egl.GetCurrentDisplay()
    if not handle or not egl.GetCurrentContext():
        raise UnsupportedContext(
            "no EGL context is current; under X11 Qt uses GLX unless QT_XCB_GL_INTEGRATION=xcb_egl is set"
        )
    return EglDisplay(egl, handle, adopted=True)
