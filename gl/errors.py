"""Errors of EGL and OpenGL.

::

    GraphicsError
    ├── EglError            a call of EGL failed
    ├── GlError             OpenGL recorded errors during an operation
    │   └── ShaderError     a program of ours did not compile or link
    └── UnsupportedContext  there is no context, or this program cannot draw with it

A buffer that cannot be imported is no exception, because a guest or a driver may cause it. It is an outcome with a
reason, see :mod:`app.planes.outcome`.
"""

GL_OUT_OF_MEMORY = 0x0505
GL_CONTEXT_LOST = 0x0507

_EGL_NAMES = {
    0x3001: "EGL_NOT_INITIALIZED",
    0x3002: "EGL_BAD_ACCESS",
    0x3003: "EGL_BAD_ALLOC",
    0x3004: "EGL_BAD_ATTRIBUTE",
    0x3005: "EGL_BAD_CONFIG",
    0x3006: "EGL_BAD_CONTEXT",
    0x3007: "EGL_BAD_CURRENT_SURFACE",
    0x3008: "EGL_BAD_DISPLAY",
    0x3009: "EGL_BAD_MATCH",
    0x300A: "EGL_BAD_NATIVE_PIXMAP",
    0x300B: "EGL_BAD_NATIVE_WINDOW",
    0x300C: "EGL_BAD_PARAMETER",
    0x300D: "EGL_BAD_SURFACE",
    0x300E: "EGL_CONTEXT_LOST",
    0x322B: "EGL_BAD_DEVICE_EXT",
}

_GL_NAMES = {
    0x0500: "GL_INVALID_ENUM",
    0x0501: "GL_INVALID_VALUE",
    0x0502: "GL_INVALID_OPERATION",
    0x0503: "GL_STACK_OVERFLOW",
    0x0504: "GL_STACK_UNDERFLOW",
    GL_OUT_OF_MEMORY: "GL_OUT_OF_MEMORY",
    0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION",
    GL_CONTEXT_LOST: "GL_CONTEXT_LOST",
}


def egl_error_name(code: int) -> str:
    """``EGL_BAD_MATCH`` for 0x3009; hexadecimal for an unknown code."""
    return _EGL_NAMES.get(code, f"EGL error 0x{code:04x}")


def gl_error_name(code: int) -> str:
    """``GL_OUT_OF_MEMORY`` for 0x505; hexadecimal for an unknown code."""
    return _GL_NAMES.get(code, f"GL error 0x{code:04x}")


class GraphicsError(Exception):
    """The base class of this package's errors."""


class EglError(GraphicsError):
    """``call`` failed, and eglGetError returned ``code``."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"{call}: {egl_error_name(code)}")
        self.call = call
        self.code = code

    @property
    def name(self) -> str:
        """EGL's name of the error."""
        return egl_error_name(self.code)


class GlError(GraphicsError):
    """OpenGL recorded the errors ``codes`` during ``operation``; ``codes`` is empty for other failures."""

    def __init__(self, operation: str, codes: tuple[int, ...], detail: str = "") -> None:
        names = ", ".join(gl_error_name(each) for each in codes)
        super().__init__(": ".join(each for each in (operation, names, detail) if each))
        self.operation = operation
        self.codes = codes


class ShaderError(GlError):
    """The message is the log of the compiler or linker."""

    def __init__(self, operation: str, log: str) -> None:
        super().__init__(operation, (), log)


class UnsupportedContext(GraphicsError):
    """The message says what is missing."""
