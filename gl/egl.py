"""EGL by ctypes: every entry point from one table of signatures.

PyOpenGL's EGL is not used: it lacks the modifier queries, and its image entry points cannot take a NULL buffer.
Sources: the EGL 1.5 specification and the extension texts of the Khronos EGL registry.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

from gl.egl_constants import EGL_EXTENSIONS
from gl.errors import EglError, GraphicsError

_HANDLE = ctypes.c_void_p
_INT = ctypes.c_int32
_BOOLEAN = ctypes.c_uint32
_ENUM = ctypes.c_uint32
_POINTER = ctypes.c_void_p

# name: (result, arguments). Pointers are passed as addresses, handles as integers (None is EGL_NO_...).
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "eglBindAPI": (_BOOLEAN, _ENUM),
    "eglChooseConfig": (_BOOLEAN, _HANDLE, _POINTER, _POINTER, _INT, _POINTER),
    "eglCreateContext": (_HANDLE, _HANDLE, _HANDLE, _HANDLE, _POINTER),
    "eglDestroyContext": (_BOOLEAN, _HANDLE, _HANDLE),
    "eglGetCurrentContext": (_HANDLE,),
    "eglGetCurrentDisplay": (_HANDLE,),
    "eglGetCurrentSurface": (_HANDLE, _INT),
    "eglGetDisplayDriverName": (ctypes.c_char_p, _HANDLE),
    "eglGetError": (_INT,),
    "eglInitialize": (_BOOLEAN, _HANDLE, _POINTER, _POINTER),
    "eglMakeCurrent": (_BOOLEAN, _HANDLE, _HANDLE, _HANDLE, _HANDLE),
    "eglQueryString": (ctypes.c_char_p, _HANDLE, _INT),
    "eglTerminate": (_BOOLEAN, _HANDLE),
    "eglCreateImageKHR": (_HANDLE, _HANDLE, _HANDLE, _ENUM, _POINTER, _POINTER),
    "eglDestroyImageKHR": (_BOOLEAN, _HANDLE, _HANDLE),
    "eglGetPlatformDisplayEXT": (_HANDLE, _ENUM, _POINTER, _POINTER),
    "eglQueryDevicesEXT": (_BOOLEAN, _INT, _POINTER, _POINTER),
    "eglQueryDeviceStringEXT": (ctypes.c_char_p, _HANDLE, _INT),
    "eglQueryDisplayAttribEXT": (_BOOLEAN, _HANDLE, _INT, _POINTER),
    "eglQueryDmaBufFormatsEXT": (_BOOLEAN, _HANDLE, _INT, _POINTER, _POINTER),
    "eglQueryDmaBufModifiersEXT": (_BOOLEAN, _HANDLE, _INT, _INT, _POINTER, _POINTER, _POINTER),
}

Call = Callable[..., Any]


class Egl:
    """The entry points, named as in the specification without the ``egl`` prefix.

    One that the library lacks raises :class:`EglError` when it is called: check the extensions first.
    """

    BindAPI: Call
    ChooseConfig: Call
    CreateContext: Call
    DestroyContext: Call
    GetCurrentContext: Call
    GetCurrentDisplay: Call
    GetCurrentSurface: Call
    GetDisplayDriverName: Call
    GetError: Call
    Initialize: Call
    MakeCurrent: Call
    QueryString: Call
    Terminate: Call
    CreateImageKHR: Call
    DestroyImageKHR: Call
    GetPlatformDisplayEXT: Call
    QueryDevicesEXT: Call
    QueryDeviceStringEXT: Call
    QueryDisplayAttribEXT: Call
    QueryDmaBufFormatsEXT: Call
    QueryDmaBufModifiersEXT: Call

    def __init__(self, library: ctypes.CDLL) -> None:
        """Bind every entry point. Raises :class:`GraphicsError` when ``library`` is no EGL."""
        try:
            address_of = library.eglGetProcAddress
        except AttributeError as error:
            raise GraphicsError(f"{library} is no EGL library: {error}") from error
        address_of.restype = ctypes.c_void_p
        address_of.argtypes = [ctypes.c_char_p]
        self._address_of = address_of
        for name, (result, *arguments) in _SIGNATURES.items():
            # Before EGL 1.5, eglGetProcAddress may not know the core functions.
            address = self.address(name) or _exported(library, name)
            bound = ctypes.CFUNCTYPE(result, *arguments)(address) if address else _missing(name)
            setattr(self, name.removeprefix("egl"), bound)

    def address(self, name: str) -> int:
        """The address of an EGL or OpenGL function, 0 when there is none."""
        return int(self._address_of(name.encode("ascii")) or 0)

    def require(self, result: Any, call: str) -> Any:
        """``result``. Raises :class:`EglError` when it is 0, EGL_FALSE or one of EGL_NO_..."""
        if not result:
            raise EglError(call, self.GetError())
        return result

    def strings(self, display: int | None, name: int) -> str:
        """eglQueryString; empty when the display has no such string."""
        return (self.QueryString(display, name) or b"").decode("utf-8", "replace")

    def device_extensions(self, device: int) -> frozenset[str]:
        """Extensions of an EGLDeviceEXT."""
        return frozenset((self.QueryDeviceStringEXT(device, EGL_EXTENSIONS) or b"").decode("ascii").split())

    def client_extensions(self) -> frozenset[str]:
        """Extensions that need no display."""
        extensions = frozenset(self.strings(None, EGL_EXTENSIONS).split())
        if not extensions:
            # Without EGL_EXT_client_extensions the query is an error: clear it.
            self.GetError()
        return extensions


def _exported(library: ctypes.CDLL, name: str) -> int:
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0


def _missing(name: str) -> Call:
    def call(*_arguments: object) -> Any:
        raise EglError(name, 0)

    return call


@functools.cache
def load_egl() -> Egl:
    """The system's EGL. Raises :class:`GraphicsError` when there is none."""
    try:
        return Egl(ctypes.CDLL("libEGL.so.1"))
    except OSError as error:
        raise GraphicsError(f"no EGL on this machine ({error}); install libegl1") from error
