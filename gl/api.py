"""OpenGL ES 3.0 entry points, bound straight to the library.

PyOpenGL gives the constants and the C signature of every function. Its wrappers are not used: they convert arrays
and call glGetError after each call, which for a cached frame costs more than the driver does. Here errors are
checked at the end of an operation (:meth:`Gl.check`).

OpenGL ES and not desktop OpenGL: only ES has external textures, and one shading language then serves Qt's context
and our own. Only this module imports PyOpenGL, which has no type annotations.

Pointers are passed as integers (addresses); strings as bytes.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from typing import Any

# PyOpenGL reads this when it is first imported. Its default on X11 would look for GLX.
os.environ["PYOPENGL_PLATFORM"] = "egl"

import OpenGL

OpenGL.ERROR_LOGGING = False

from OpenGL import GLES3  # noqa: E402
from OpenGL.raw.GLES2.EXT import disjoint_timer_query as _ext_timer  # noqa: E402
from OpenGL.raw.GLES2.KHR import debug as _khr_debug  # noqa: E402
from OpenGL.raw.GLES2.OES import EGL_image as _oes_egl_image  # noqa: E402
from OpenGL.raw.GLES2.VERSION import GLES2_2_0  # noqa: E402
from OpenGL.raw.GLES3.VERSION import GLES3_3_0  # noqa: E402

from gl.errors import GlError  # noqa: E402

Call = Callable[..., int]
Resolver = Callable[[str], int]

_SOURCES = (GLES2_2_0, GLES3_3_0, _oes_egl_image, _khr_debug, _ext_timer)


def _constant(name: str) -> int:
    # A plain int: PyOpenGL's named subclass is slower to pass on.
    return int(getattr(GLES3, name))


GL_ALREADY_SIGNALED = _constant("GL_ALREADY_SIGNALED")
GL_BLEND = _constant("GL_BLEND")
GL_CLAMP_TO_EDGE = _constant("GL_CLAMP_TO_EDGE")
GL_COLOR_ATTACHMENT0 = _constant("GL_COLOR_ATTACHMENT0")
GL_COLOR_BUFFER_BIT = _constant("GL_COLOR_BUFFER_BIT")
GL_COMPILE_STATUS = _constant("GL_COMPILE_STATUS")
GL_CONDITION_SATISFIED = _constant("GL_CONDITION_SATISFIED")
GL_CULL_FACE = _constant("GL_CULL_FACE")
GL_DEPTH_TEST = _constant("GL_DEPTH_TEST")
GL_DITHER = _constant("GL_DITHER")
GL_DRAW_FRAMEBUFFER = _constant("GL_DRAW_FRAMEBUFFER")
GL_EXTENSIONS = _constant("GL_EXTENSIONS")
GL_FRAGMENT_SHADER = _constant("GL_FRAGMENT_SHADER")
GL_FRAMEBUFFER = _constant("GL_FRAMEBUFFER")
GL_FRAMEBUFFER_BINDING = _constant("GL_FRAMEBUFFER_BINDING")
GL_FRAMEBUFFER_COMPLETE = _constant("GL_FRAMEBUFFER_COMPLETE")
GL_FUNC_ADD = _constant("GL_FUNC_ADD")
GL_INFO_LOG_LENGTH = _constant("GL_INFO_LOG_LENGTH")
GL_LINEAR = _constant("GL_LINEAR")
GL_LINK_STATUS = _constant("GL_LINK_STATUS")
GL_MAP_READ_BIT = _constant("GL_MAP_READ_BIT")
GL_MAX_TEXTURE_SIZE = _constant("GL_MAX_TEXTURE_SIZE")
GL_NEAREST = _constant("GL_NEAREST")
GL_NUM_EXTENSIONS = _constant("GL_NUM_EXTENSIONS")
GL_ONE = _constant("GL_ONE")
GL_ONE_MINUS_SRC_ALPHA = _constant("GL_ONE_MINUS_SRC_ALPHA")
GL_PACK_ALIGNMENT = _constant("GL_PACK_ALIGNMENT")
GL_PACK_ROW_LENGTH = _constant("GL_PACK_ROW_LENGTH")
GL_PIXEL_PACK_BUFFER = _constant("GL_PIXEL_PACK_BUFFER")
GL_PIXEL_UNPACK_BUFFER = _constant("GL_PIXEL_UNPACK_BUFFER")
GL_READ_FRAMEBUFFER = _constant("GL_READ_FRAMEBUFFER")
GL_RED = _constant("GL_RED")
GL_GREEN = _constant("GL_GREEN")
GL_BLUE = _constant("GL_BLUE")
GL_ALPHA = _constant("GL_ALPHA")
GL_RENDERER = _constant("GL_RENDERER")
GL_RG = _constant("GL_RG")
GL_RGB = _constant("GL_RGB")
GL_RGBA = _constant("GL_RGBA")
GL_R8 = _constant("GL_R8")
GL_RG8 = _constant("GL_RG8")
GL_RGB8 = _constant("GL_RGB8")
GL_RGBA8 = _constant("GL_RGBA8")
GL_RGB565 = _constant("GL_RGB565")
GL_RGB10_A2 = _constant("GL_RGB10_A2")
GL_SCISSOR_TEST = _constant("GL_SCISSOR_TEST")
GL_STENCIL_TEST = _constant("GL_STENCIL_TEST")
GL_STREAM_READ = _constant("GL_STREAM_READ")
GL_SYNC_FLUSH_COMMANDS_BIT = _constant("GL_SYNC_FLUSH_COMMANDS_BIT")
GL_SYNC_GPU_COMMANDS_COMPLETE = _constant("GL_SYNC_GPU_COMMANDS_COMPLETE")
GL_TEXTURE0 = _constant("GL_TEXTURE0")
GL_TEXTURE1 = _constant("GL_TEXTURE1")
GL_TEXTURE_2D = _constant("GL_TEXTURE_2D")
GL_TEXTURE_EXTERNAL_OES = 0x8D65
GL_TEXTURE_MAG_FILTER = _constant("GL_TEXTURE_MAG_FILTER")
GL_TEXTURE_MIN_FILTER = _constant("GL_TEXTURE_MIN_FILTER")
GL_TEXTURE_SWIZZLE_R = _constant("GL_TEXTURE_SWIZZLE_R")
GL_TEXTURE_SWIZZLE_G = _constant("GL_TEXTURE_SWIZZLE_G")
GL_TEXTURE_SWIZZLE_B = _constant("GL_TEXTURE_SWIZZLE_B")
GL_TEXTURE_SWIZZLE_A = _constant("GL_TEXTURE_SWIZZLE_A")
GL_TEXTURE_WRAP_S = _constant("GL_TEXTURE_WRAP_S")
GL_TEXTURE_WRAP_T = _constant("GL_TEXTURE_WRAP_T")
GL_TRIANGLE_STRIP = _constant("GL_TRIANGLE_STRIP")
GL_UNPACK_ALIGNMENT = _constant("GL_UNPACK_ALIGNMENT")
GL_UNPACK_ROW_LENGTH = _constant("GL_UNPACK_ROW_LENGTH")
GL_UNPACK_SKIP_PIXELS = _constant("GL_UNPACK_SKIP_PIXELS")
GL_UNPACK_SKIP_ROWS = _constant("GL_UNPACK_SKIP_ROWS")
GL_UNSIGNED_BYTE = _constant("GL_UNSIGNED_BYTE")
GL_UNSIGNED_INT_2_10_10_10_REV = _constant("GL_UNSIGNED_INT_2_10_10_10_REV")
GL_UNSIGNED_SHORT_5_6_5 = _constant("GL_UNSIGNED_SHORT_5_6_5")
GL_VENDOR = _constant("GL_VENDOR")
GL_VERSION = _constant("GL_VERSION")
GL_VERTEX_SHADER = _constant("GL_VERTEX_SHADER")
GL_ZERO = _constant("GL_ZERO")

GL_DEBUG_OUTPUT_KHR = 0x92E0
GL_DEBUG_OUTPUT_SYNCHRONOUS_KHR = 0x8242
GL_DEBUG_SEVERITY_HIGH_KHR = 0x9146
GL_DEBUG_TYPE_ERROR_KHR = 0x824C
GL_DONT_CARE = _constant("GL_DONT_CARE")

# GL_EXT_disjoint_timer_query.
GL_GPU_DISJOINT_EXT = 0x8FBB
GL_QUERY_COUNTER_BITS_EXT = 0x8864
GL_QUERY_RESULT_AVAILABLE_EXT = 0x8867
GL_QUERY_RESULT_EXT = 0x8866
GL_TIME_ELAPSED_EXT = 0x88BF

DEBUG_CALLBACK = ctypes.CFUNCTYPE(
    None,
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
)

# These may wait for the GPU or move many bytes, so they release the interpreter lock for Python's other threads. For
# glEnable and the like, releasing it would cost more than the call.
_BLOCKING = frozenset(
    (
        "BlitFramebuffer",
        "Clear",
        "ClientWaitSync",
        "CompileShader",
        "DeleteTextures",
        "DrawArrays",
        "EGLImageTargetTexture2DOES",
        "Finish",
        "Flush",
        "LinkProgram",
        "MapBufferRange",
        "ReadPixels",
        "TexStorage2D",
        "TexSubImage2D",
    )
)

# Functions of extensions that a context may lack.
_OPTIONAL = frozenset(
    (
        "BeginQueryEXT",
        "DebugMessageCallbackKHR",
        "DebugMessageControlKHR",
        "DeleteQueriesEXT",
        "EGLImageTargetTexture2DOES",
        "EndQueryEXT",
        "GenQueriesEXT",
        "GetQueryObjectui64vEXT",
        "GetQueryObjectuivEXT",
        "GetQueryivEXT",
    )
)


class Gl:
    """The entry points of OpenGL ES, named without ``gl``. Valid with any context of the library that has them."""

    ActiveTexture: Call
    AttachShader: Call
    BeginQueryEXT: Call
    BindFramebuffer: Call
    BindBuffer: Call
    BindSampler: Call
    BindTexture: Call
    BindVertexArray: Call
    BlendEquation: Call
    BlendFuncSeparate: Call
    BlitFramebuffer: Call
    BufferData: Call
    CheckFramebufferStatus: Call
    Clear: Call
    ClearColor: Call
    ClientWaitSync: Call
    ColorMask: Call
    CompileShader: Call
    CreateProgram: Call
    CreateShader: Call
    DebugMessageCallbackKHR: Call
    DebugMessageControlKHR: Call
    DeleteBuffers: Call
    DeleteFramebuffers: Call
    DeleteProgram: Call
    DeleteQueriesEXT: Call
    DeleteSamplers: Call
    DeleteShader: Call
    DeleteSync: Call
    DeleteTextures: Call
    DeleteVertexArrays: Call
    Disable: Call
    DrawArrays: Call
    EGLImageTargetTexture2DOES: Call
    Enable: Call
    EndQueryEXT: Call
    FenceSync: Call
    Finish: Call
    Flush: Call
    FramebufferTexture2D: Call
    GenBuffers: Call
    GenFramebuffers: Call
    GenQueriesEXT: Call
    GenSamplers: Call
    GenTextures: Call
    GenVertexArrays: Call
    GetError: Call
    GetIntegerv: Call
    GetProgramInfoLog: Call
    GetProgramiv: Call
    GetQueryObjectui64vEXT: Call
    GetQueryObjectuivEXT: Call
    GetQueryivEXT: Call
    GetShaderInfoLog: Call
    GetShaderiv: Call
    GetString: Call
    GetStringi: Call
    GetUniformLocation: Call
    LinkProgram: Call
    MapBufferRange: Call
    PixelStorei: Call
    ReadPixels: Call
    SamplerParameteri: Call
    ShaderSource: Call
    TexParameteri: Call
    TexStorage2D: Call
    TexSubImage2D: Call
    Uniform1i: Call
    Uniform4fv: Call
    UnmapBuffer: Call
    UseProgram: Call
    Viewport: Call

    def __init__(self, resolve: Resolver) -> None:
        """``resolve`` returns the address of a function by name, 0 when there is none. Raises :class:`GlError`."""
        for name in Gl.__annotations__:
            address = resolve(f"gl{name}")
            if not address and name not in _OPTIONAL:
                raise GlError(f"gl{name}", (), "the OpenGL ES library lacks it; OpenGL ES 3.0 is needed")
            setattr(self, name, _bind(name, address) if address else _missing(name))

    def errors(self) -> tuple[int, ...]:
        """The errors recorded since the last call. They are cleared."""
        code = self.GetError()
        if not code:
            return ()
        codes = []
        # A lost context returns GL_CONTEXT_LOST for ever.
        while code and code not in codes:
            codes.append(code)
            code = self.GetError()
        return tuple(codes)

    def check(self, operation: str) -> None:
        """Raise :class:`GlError` when OpenGL recorded an error since the last call."""
        codes = self.errors()
        if codes:
            raise GlError(operation, codes)

    def integer(self, name: int) -> int:
        """One value of glGetIntegerv."""
        value = ctypes.c_int()
        self.GetIntegerv(name, ctypes.addressof(value))
        return value.value

    def text(self, name: int) -> str:
        """One string of glGetString, empty when there is none."""
        return _text(self.GetString(name))

    def extensions(self) -> Iterator[str]:
        """The names of the current context's extensions."""
        for index in range(self.integer(GL_NUM_EXTENSIONS)):
            yield _text(self.GetStringi(GL_EXTENSIONS, index))

    def generate(self, kind: Call) -> int:
        """One name from a glGen function, ``gl.generate(gl.GenTextures)``."""
        name = ctypes.c_uint()
        kind(1, ctypes.addressof(name))
        return name.value

    def delete(self, kind: Call, name: int) -> None:
        """Free one name with a glDelete function."""
        holder = ctypes.c_uint(name)
        kind(1, ctypes.addressof(holder))


def _text(address: int | None) -> str:
    return ctypes.string_at(address).decode("utf-8", "replace") if address else ""


_BY_VALUE = frozenset(
    (ctypes.c_int, ctypes.c_uint, ctypes.c_float, ctypes.c_ubyte, ctypes.c_byte, ctypes.c_long, ctypes.c_ulong)
)


def _by_value(kind: Any) -> Any:
    """The C type that is passed: PyOpenGL's arrays and handles become plain addresses."""
    return kind if kind is None or kind in _BY_VALUE else ctypes.c_void_p


def _bind(name: str, address: int) -> Call:
    signature = next(function for each in _SOURCES if (function := getattr(each, f"gl{name}", None)) is not None)
    prototype = ctypes.CFUNCTYPE if name in _BLOCKING else ctypes.PYFUNCTYPE
    function_type = prototype(_by_value(signature.restype), *(_by_value(each) for each in signature.argtypes))
    call: Call = function_type(address)
    return call


def _missing(name: str) -> Call:
    def call(*_arguments: object) -> int:
        raise GlError(f"gl{name}", (), "this context does not have it")

    return call
