"""The fixtures of the tests of OpenGL, for attacks on imports."""

from tests.gl.conftest import calls, clock, gl_context, gl_log, importing_context, renderer, surfaces, surviving_record

__all__ = ("calls", "clock", "gl_context", "gl_log", "importing_context", "renderer", "surfaces", "surviving_record")
