"""A framebuffer of our own to draw into and read back."""

import pytest

from gl.canvas import Canvas
from gl.context import Context
from gl.debug import DebugLog
from gl.errors import GlError


def test_a_canvas_that_is_too_large(gl_context: Context, gl_log: DebugLog) -> None:
    with pytest.raises(GlError):
        Canvas(gl_context, gl_context.max_texture_size + 1, 1)
    gl_context.sweep()
    gl_log.messages.clear()
