"""Shader programs: compiled, linked and kept for one context."""

import ctypes
from dataclasses import dataclass

from gl import api
from gl.api import Gl
from gl.context import Context
from gl.errors import ShaderError
from gl.shader_source import Variant, sources


@dataclass(frozen=True, slots=True)
class Program:
    """A linked program: its name, the location of ``u``, and how many vec4 ``u`` has."""

    name: int
    location: int
    vectors: int


class Programs:
    """Owns the programs of one context. Each is compiled at its first use."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._programs: dict[Variant, Program] = {}

    def get(self, variant: Variant) -> Program:
        """The program of a variant. Raises :class:`ShaderError` when the driver does not take it."""
        program = self._programs.get(variant)
        if program is None:
            program = self._programs[variant] = link(self._context.gl, *sources(variant), variant.vectors)
            if variant.difference:
                _set_second_unit(self._context.gl, program)
        return program

    def release(self) -> None:
        """Delete the programs, with the context current; more calls do nothing."""
        programs, self._programs = self._programs, {}
        for each in programs.values():
            self._context.gl.DeleteProgram(each.name)


def link(gl: Gl, vertex: str, fragment: str, vectors: int) -> Program:
    """A program whose uniforms are an array ``u`` of so many vec4. Raises :class:`ShaderError`."""
    program = gl.CreateProgram()
    try:
        for kind, source in ((api.GL_VERTEX_SHADER, vertex), (api.GL_FRAGMENT_SHADER, fragment)):
            shader = _compile(gl, kind, source)
            gl.AttachShader(program, shader)
            # It lives as long as the program that it is attached to.
            gl.DeleteShader(shader)
        gl.LinkProgram(program)
        if not _query(gl.GetProgramiv, program, api.GL_LINK_STATUS):
            raise ShaderError("glLinkProgram", _log(gl.GetProgramiv, gl.GetProgramInfoLog, program))
    except ShaderError:
        gl.DeleteProgram(program)
        raise
    return Program(program, gl.GetUniformLocation(program, b"u"), vectors)


def _set_second_unit(gl: Gl, program: Program) -> None:
    """Let ``before`` sample the second texture unit. Uniforms are zero until they are set, which is the first unit."""
    gl.UseProgram(program.name)
    gl.Uniform1i(gl.GetUniformLocation(program.name, b"before"), 1)


def _compile(gl: Gl, kind: int, source: str) -> int:
    shader = gl.CreateShader(kind)
    text = source.encode("ascii")
    strings = (ctypes.c_char_p * 1)(text)
    gl.ShaderSource(shader, 1, ctypes.addressof(strings), None)
    gl.CompileShader(shader)
    if not _query(gl.GetShaderiv, shader, api.GL_COMPILE_STATUS):
        log = _log(gl.GetShaderiv, gl.GetShaderInfoLog, shader)
        gl.DeleteShader(shader)
        raise ShaderError("glCompileShader", log)
    return shader


def _query(query: api.Call, name: int, what: int) -> int:
    value = ctypes.c_int()
    query(name, what, ctypes.addressof(value))
    return value.value


def _log(query: api.Call, read: api.Call, name: int) -> str:
    log = ctypes.create_string_buffer(max(1, _query(query, name, api.GL_INFO_LOG_LENGTH)))
    read(name, len(log), None, ctypes.addressof(log))
    return log.value.decode("utf-8", "replace").strip()
