"""An initialised EGLDisplay, opened here or adopted, and the dma-buf formats that it advertises."""

import ctypes
import functools
import threading
from collections import Counter
from dataclasses import dataclass, fields
from enum import Enum

from gl import egl_constants as const
from gl.egl import Egl, load_egl
from gl.errors import UnsupportedContext

_INT = ctypes.c_int32
_SOFTWARE_DEVICE = "EGL_MESA_device_software"

# eglInitialize keeps no count, and eglTerminate ends the display for every user. So the users are counted here.
_opened: Counter[int] = Counter()
# The EGLDeviceEXT of each: Mesa forgets it when eglGetPlatformDisplay returns the same display again (seen in 25.0.7).
_opened_devices: dict[int, int] = {}
_opened_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class DisplayExtensions:
    """Which of the extensions that this program uses a display has. Each field has the name of its extension."""

    EGL_EXT_image_dma_buf_import: bool = False
    EGL_EXT_image_dma_buf_import_modifiers: bool = False
    EGL_KHR_image_base: bool = False
    EGL_KHR_no_config_context: bool = False
    EGL_KHR_surfaceless_context: bool = False
    EGL_MESA_query_driver: bool = False


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


class Platform(Enum):
    """Where a display comes from. The values are written to the record of trials, see :mod:`gl.trial_record`.

    ``SURFACELESS`` lets EGL choose a device, ``DEVICE`` is a DRM node, ``SOFTWARE`` is EGL's software device. The
    others belong to a window system.
    """

    SURFACELESS = "surfaceless"
    DEVICE = "device"
    SOFTWARE = "software"
    WAYLAND = "wayland"
    X11 = "x11"


@dataclass(frozen=True, slots=True)
class DisplayOrigin:
    """How to open a display: its platform, and the DRM node for :attr:`Platform.DEVICE` (None: EGL's first one)."""

    platform: Platform
    node: str | None = None


class EglDisplay:
    """``handle`` is the EGLDisplay. An adopted display belongs to others and is not terminated here.

    ``origin`` is how it was opened, as far as that is known.
    """

    def __init__(self, egl: Egl, handle: int, *, adopted: bool, origin: DisplayOrigin | None = None) -> None:
        self.egl = egl
        self.handle = handle
        self.origin = origin
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
        return _node_of(self.egl, self._device) if self._device else None

    @functools.cached_property
    def on_software_device(self) -> bool:
        """Whether the display is on EGL's software device (EGL_MESA_device_software)."""
        return bool(self._device) and _SOFTWARE_DEVICE in self.egl.device_extensions(self._device)

    @functools.cached_property
    def driver(self) -> str:
        """The name that Mesa gives the driver, such as ``iris`` or ``kms_swrast``; empty when EGL does not tell it."""
        if not self.extensions.EGL_MESA_query_driver:
            return ""
        return (self.egl.GetDisplayDriverName(self.handle) or b"").decode("utf-8", "replace")

    @functools.cached_property
    def _device(self) -> int:
        """The EGLDeviceEXT, 0 when EGL names none."""
        return _device_of(self.egl, self.handle) if self._adopted else _opened_devices.get(self.handle, 0)

    def close(self) -> None:
        """Terminate the display when this was its last user; more calls do nothing."""
        handle, self.handle = self.handle, 0
        if not handle or self._adopted:
            return
        with _opened_lock:
            _opened[handle] -= 1
            if not _opened[handle]:
                del _opened[handle]
                _opened_devices.pop(handle, None)
                self.egl.Terminate(handle)


def _device_of(egl: Egl, display: int) -> int:
    """The EGLDeviceEXT of a display, 0 when EGL names none.

    EGL_EXT_device_base is the older name of device_query and device_enumeration together, and the only one that
    NVIDIA's EGL has (seen in driver 580).
    """
    if not {"EGL_EXT_device_query", "EGL_EXT_device_base"} & egl.client_extensions():
        return 0
    device = ctypes.c_ssize_t()
    if not egl.QueryDisplayAttribEXT(display, const.EGL_DEVICE_EXT, ctypes.addressof(device)):
        egl.GetError()
        return 0
    return device.value


_PLATFORMS = {
    Platform.SURFACELESS: (const.EGL_PLATFORM_SURFACELESS_MESA, "EGL_MESA_platform_surfaceless"),
    Platform.WAYLAND: (const.EGL_PLATFORM_WAYLAND_EXT, "EGL_EXT_platform_wayland"),
    Platform.X11: (const.EGL_PLATFORM_X11_EXT, "EGL_EXT_platform_x11"),
}


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
    extensions = load_egl().client_extensions()
    if device is None and "EGL_MESA_platform_surfaceless" in extensions:
        return open_origin(DisplayOrigin(Platform.SURFACELESS))
    if _has_device_platform(extensions):
        return open_origin(DisplayOrigin(Platform.DEVICE, device))
    if device is not None:
        raise UnsupportedContext(f"this EGL cannot use {device}: it has no device platform")
    raise UnsupportedContext("this EGL can only draw into windows: no surfaceless and no device platform")


def open_origin(origin: DisplayOrigin) -> EglDisplay:
    """A display of this origin. For a window system it is a connection of its own to the session's display.

    Raises :class:`UnsupportedContext` when EGL has no such platform or device, :class:`EglError` when the display
    cannot be initialised.
    """
    egl = load_egl()
    extensions = egl.client_extensions()
    match origin.platform:
        case Platform.DEVICE | Platform.SOFTWARE:
            if not _has_device_platform(extensions):
                raise UnsupportedContext("this EGL has no device platform")
            software = origin.platform is Platform.SOFTWARE
            device = _software_device(egl) if software else _device(egl, origin.node)
            handle = egl.GetPlatformDisplayEXT(const.EGL_PLATFORM_DEVICE_EXT, device, None)
        case platform:
            number, name = _PLATFORMS[platform]
            if name not in extensions:
                raise UnsupportedContext(f"this EGL has no {name}")
            handle = egl.GetPlatformDisplayEXT(number, None, None)
    egl.require(handle, "eglGetPlatformDisplayEXT")
    with _opened_lock:
        egl.require(egl.Initialize(handle, None, None), "eglInitialize")
        if not _opened[handle]:
            _opened_devices[handle] = _device_of(egl, handle)
        _opened[handle] += 1
    return EglDisplay(egl, handle, adopted=False, origin=origin)


def _has_device_platform(extensions: frozenset[str]) -> bool:
    enumerates = {"EGL_EXT_device_enumeration", "EGL_EXT_device_base"} & extensions
    return "EGL_EXT_platform_device" in extensions and bool(enumerates)


def _devices(egl: Egl) -> list[int]:
    count = _INT()
    egl.require(egl.QueryDevicesEXT(0, None, ctypes.addressof(count)), "eglQueryDevicesEXT")
    devices = (ctypes.c_void_p * max(count.value, 1))()
    egl.require(
        egl.QueryDevicesEXT(len(devices), ctypes.addressof(devices), ctypes.addressof(count)), "eglQueryDevicesEXT"
    )
    return [int(each) for each in devices[: count.value] if each]


def _software_device(egl: Egl) -> int:
    for each in _devices(egl):
        if _SOFTWARE_DEVICE in egl.device_extensions(each):
            return each
    raise UnsupportedContext("this EGL has no software device")


def known_nodes() -> tuple[str, ...]:
    """The DRM nodes on which EGL may draw, sorted; empty if it has no device platform. Raises EglError."""
    egl = load_egl()
    if not _has_device_platform(egl.client_extensions()):
        return ()
    return tuple(sorted(node for each in _devices(egl) if (node := _node_of(egl, each))))


def _device(egl: Egl, node: str | None) -> int:
    nodes = {each: _node_of(egl, each) for each in _devices(egl)}
    for each, name in nodes.items():
        if node is None or name == node:
            return each
    names = ", ".join(sorted(each for each in nodes.values() if each)) or "none"
    raise UnsupportedContext(f"EGL knows no device {node}; it knows: {names}")


def current_display(origin: DisplayOrigin | None = None) -> EglDisplay:
    """The display of the context that is current in this thread. Raises :class:`UnsupportedContext` without one.

    ``origin`` is what the caller knows of it.
    """
    egl = load_egl()
    handle = egl.GetCurrentDisplay()
    if not handle or not egl.GetCurrentContext():
        raise UnsupportedContext(
            "no EGL context is current; under X11 Qt uses GLX unless QT_XCB_GL_INTEGRATION=xcb_egl is set"
        )
    return EglDisplay(egl, handle, adopted=True, origin=origin)
