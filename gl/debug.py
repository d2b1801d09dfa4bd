"""The driver's debug messages about our calls (GL_KHR_debug), collected."""

import ctypes
from dataclasses import dataclass

from gl import api
from gl.context import Context


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``error``: it reports an OpenGL error. ``severe``: it has the highest severity."""

    error: bool
    severe: bool
    text: str


class DebugLog:
    """Collects the driver's messages from construction to :meth:`close`.

    Without a debug context the driver may send none. ``supported`` is false where it cannot send any.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.messages: list[Message] = []
        self.supported = "GL_KHR_debug" in context.extensions
        # The library calls this as long as it is installed, so it must live that long.
        self._callback = api.DEBUG_CALLBACK(self._receive)
        if self.supported:
            gl = context.gl
            gl.Enable(api.GL_DEBUG_OUTPUT_KHR)
            # Otherwise messages may come in another thread, after the test that caused them.
            gl.Enable(api.GL_DEBUG_OUTPUT_SYNCHRONOUS_KHR)
            gl.DebugMessageControlKHR(api.GL_DONT_CARE, api.GL_DONT_CARE, api.GL_DONT_CARE, 0, None, 1)
            gl.DebugMessageCallbackKHR(ctypes.cast(self._callback, ctypes.c_void_p), None)

    def _receive(
        self, _source: int, kind: int, _name: int, severity: int, length: int, text: int, _user: int | None
    ) -> None:
        message = ctypes.string_at(text, length) if length >= 0 else ctypes.string_at(text)
        self.messages.append(
            Message(
                kind == api.GL_DEBUG_TYPE_ERROR_KHR,
                severity == api.GL_DEBUG_SEVERITY_HIGH_KHR,
                message.decode("utf-8", "replace").strip(),
            )
        )

    def serious(self) -> list[str]:
        """Texts of errors and of messages of high severity."""
        return [each.text for each in self.messages if each.error or each.severe]

    def close(self) -> None:
        """Stop collecting, with the context current; more calls do nothing."""
        if self.supported:
            self.supported = False
            self._context.gl.DebugMessageCallbackKHR(None, None)
            self._context.gl.Disable(api.GL_DEBUG_OUTPUT_KHR)
