"""Shader sources and compiled programs.

All programs draw one quad and take one array ``u`` of vec4, so that a layer costs one glUniform4fv:

====  =========================================================================================
u[0]  position of the layer's top-left corner (xy) and its way across (zw), in clip space
u[1]  its way down (xy), texture coordinate of the top-left corner (zw)
u[2]  extent in texture coordinates (xy), size of the image in pixels (zw)
u[3]  1 when linear filtering is wanted and the shader must do it (x)
u[4]  from here on what the decoding needs; with an outline, its colour comes last
====  =========================================================================================

What can be decided when the program is made is not left to a uniform: software renderers have a short cut for a
shader that only looks up a texel, and most planes need no more.
"""

import ctypes
from dataclasses import dataclass

from gl import api
from gl.api import Gl
from gl.context import Context
from gl.errors import ShaderError
from gl.formats import Decode, Swizzle

COMMON_VECTORS = 4

# Vectors that a decoding adds.
DECODE_VECTORS = {Decode.COLOUR: 0, Decode.FETCHED: 0, Decode.YUV422: 7, Decode.WORD: 2}

_VERTEX = """
out vec2 at;
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = vec4(u[0].xy + corner.x * u[0].zw + corner.y * u[1].xy, 0.0, 1.0);
    at = u[1].zw + corner * u[2].xy;
}
"""

_FRAGMENT_HEAD = """
in vec2 at;
out vec4 colour;
"""

_SAMPLED = """
vec4 look(vec2 where) {
    vec4 texel = texture(image, where);
    return SWIZZLED;
}
"""

# Filtering comes after decoding here, so it is done by hand; chroma is never mixed between pairs by itself.
_FETCHED = """
vec4 pixel(ivec2 where);
vec4 clamped(ivec2 where) { return pixel(clamp(where, ivec2(0), ivec2(u[2].zw) - 1)); }
vec4 look(vec2 where) {
    vec2 place = where * u[2].zw;
    if (u[3].x == 0.0) return clamped(ivec2(floor(place)));
    place -= 0.5;
    ivec2 first = ivec2(floor(place));
    vec2 part = fract(place);
    vec4 upper = mix(clamped(first), clamped(first + ivec2(1, 0)), part.x);
    vec4 lower = mix(clamped(first + ivec2(0, 1)), clamped(first + ivec2(1, 1)), part.x);
    return mix(upper, lower, part.y);
}
"""

# u[4], u[5] pick the luma of the even and the odd pixel, u[6], u[7] Cb and Cr; u[8] to u[10] make R, G and B.
_YUV422 = """
vec4 pixel(ivec2 where) {
    vec4 pair = texelFetch(image, ivec2(where.x >> 1, where.y), 0);
    vec4 sampled = vec4(dot(pair, (where.x & 1) == 0 ? u[4] : u[5]), dot(pair, u[6]), dot(pair, u[7]), 1.0);
    return vec4(clamp(vec3(dot(sampled, u[8]), dot(sampled, u[9]), dot(sampled, u[10])), 0.0, 1.0), 1.0);
}
"""

# u[4] holds the shifts of the four channels, u[5] their largest values; no alpha has 0.
_WORD = """
vec4 pixel(ivec2 where) {
    uvec4 bytes = uvec4(texelFetch(image, where, 0) * 255.0 + 0.5);
    uint word = bytes.r | bytes.g << 8;
    vec4 value = vec4((uvec4(word) >> uvec4(u[4])) & uvec4(u[5])) / max(u[5], vec4(1.0));
    return vec4(value.rgb, u[5].a == 0.0 ? 1.0 : value.a);
}
"""

_PLAIN_MAIN = """
void main() {
    colour = look(at);
#ifdef STRAIGHT
    colour.rgb *= colour.a;
#endif
#ifdef OPAQUE
    colour.a = 1.0;
#endif
}
"""

# The outline lies on the pixels next to the shape; around the image's border there is nothing.
_OUTLINED_MAIN = """
vec4 inside(vec2 where) {
    return any(lessThan(where, vec2(0.0))) || any(greaterThanEqual(where, vec2(1.0))) ? vec4(0.0) : look(where);
}
void main() {
    colour = inside(at);
#ifdef STRAIGHT
    colour.rgb *= colour.a;
#endif
    float near = 0.0;
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++)
            near = max(near, inside(at + vec2(x, y) / u[2].zw).a);
    colour += u[VECTORS - 1] * near * (1.0 - colour.a);
}
"""

_TEXEL = """
vec4 pixel(ivec2 where) {
    vec4 texel = texelFetch(image, where, 0);
    return SWIZZLED;
}
"""

_DECODERS = {Decode.FETCHED: _TEXEL, Decode.YUV422: _YUV422, Decode.WORD: _WORD}

_CHANNELS = {
    api.GL_RED: "texel.r",
    api.GL_GREEN: "texel.g",
    api.GL_BLUE: "texel.b",
    api.GL_ALPHA: "texel.a",
    api.GL_ONE: "1.0",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """Which program: ``straight`` multiplies colours with alpha, ``opaque`` makes alpha one (without an outline).

    With a ``swizzle`` the texture is an external one, whose channels the shader has to put in order.
    """

    decode: Decode
    straight: bool = False
    opaque: bool = False
    outlined: bool = False
    swizzle: Swizzle | None = None

    @property
    def vectors(self) -> int:
        """The length of ``u``."""
        return COMMON_VECTORS + DECODE_VECTORS[self.decode] + self.outlined


@dataclass(frozen=True, slots=True)
class Program:
    """A linked program: its name, where ``u`` is, and how many vec4 that has."""

    name: int
    location: int
    vectors: int


def sources(variant: Variant) -> tuple[str, str]:
    """Vertex shader and fragment shader."""
    version = "#version 300 es\n"
    precision = "precision highp float;\nprecision highp int;\n"
    uniforms = f"#define VECTORS {variant.vectors}\nuniform vec4 u[VECTORS];\n"
    switches = "#define STRAIGHT\n" * variant.straight + "#define OPAQUE\n" * variant.opaque
    body = _SAMPLED if variant.decode is Decode.COLOUR else _FETCHED + _DECODERS[variant.decode]
    if variant.swizzle is None:
        extension = "#define SWIZZLED texel\n"
        sampler = "sampler2D"
    else:
        channels = ", ".join(_CHANNELS[each] for each in variant.swizzle)
        extension = f"#extension GL_OES_EGL_image_external_essl3 : require\n#define SWIZZLED vec4({channels})\n"
        sampler = "samplerExternalOES"
    image = f"uniform highp {sampler} image;\n"
    main = _OUTLINED_MAIN if variant.outlined else _PLAIN_MAIN
    vertex = version + precision + uniforms + _VERTEX
    fragment = version + extension + precision + uniforms + switches + _FRAGMENT_HEAD + image + body + main
    return vertex, fragment


class Programs:
    """Owns the programs of one context, each compiled when first asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: dict[Variant, Program] = {}

    def get(self, variant: Variant) -> Program:
        """The program of a variant. Raises :class:`ShaderError` when the driver does not take it."""
        program = self._made.get(variant)
        if program is None:
            program = self._made[variant] = _link(self._context.gl, *sources(variant), variant.vectors)
        return program

    def release(self) -> None:
        """Delete the programs, with the context current; more calls do nothing."""
        made, self._made = self._made, {}
        for each in made.values():
            self._context.gl.DeleteProgram(each.name)


def _link(gl: Gl, vertex: str, fragment: str, vectors: int) -> Program:
    program = gl.CreateProgram()
    try:
        for kind, source in ((api.GL_VERTEX_SHADER, vertex), (api.GL_FRAGMENT_SHADER, fragment)):
            shader = _compile(gl, kind, source)
            gl.AttachShader(program, shader)
            # It lives as long as the program it is attached to.
            gl.DeleteShader(shader)
        gl.LinkProgram(program)
        if not _asked(gl.GetProgramiv, program, api.GL_LINK_STATUS):
            raise ShaderError("glLinkProgram", _log(gl.GetProgramiv, gl.GetProgramInfoLog, program))
    except ShaderError:
        gl.DeleteProgram(program)
        raise
    return Program(program, gl.GetUniformLocation(program, b"u"), vectors)


def _compile(gl: Gl, kind: int, source: str) -> int:
    shader = gl.CreateShader(kind)
    text = source.encode("ascii")
    strings = (ctypes.c_char_p * 1)(text)
    gl.ShaderSource(shader, 1, ctypes.addressof(strings), None)
    gl.CompileShader(shader)
    if not _asked(gl.GetShaderiv, shader, api.GL_COMPILE_STATUS):
        log = _log(gl.GetShaderiv, gl.GetShaderInfoLog, shader)
        gl.DeleteShader(shader)
        raise ShaderError("glCompileShader", log)
    return shader


def _asked(query: api.Call, name: int, what: int) -> int:
    value = ctypes.c_int()
    query(name, what, ctypes.addressof(value))
    return value.value


def _log(query: api.Call, read: api.Call, name: int) -> str:
    log = ctypes.create_string_buffer(max(1, _asked(query, name, api.GL_INFO_LOG_LENGTH)))
    read(name, len(log), None, ctypes.addressof(log))
    return log.value.decode("utf-8", "replace").strip()
