"""The sources of the shaders.

All programs draw one quad and take one array ``u`` of vec4, so that a layer costs one glUniform4fv:

====  =========================================================================================
u[0]  position of the layer's top-left corner (xy), vector to the top-right corner (zw), in clip space
u[1]  vector to the bottom-left corner (xy), texture coordinate of the top-left corner (zw)
u[2]  extent in texture coordinates (xy), size of the image in pixels (zw)
u[3]  1 when the shader must filter linearly (x), width of the outline in pixels of the image (y)
u[4]  and following: numbers for the decoding, then one vector for each of these that the variant has:
      the distances of a grid in pixels (xy) and 1 for bold lines (z); the outline's colour
====  =========================================================================================

Values that are known when a program is compiled are not uniforms: software renderers have a fast path for a shader
that only looks up a texel, and most planes need no more.
"""

from dataclasses import dataclass
from enum import Enum

from gl import api
from gl.formats import Decode, Swizzle

COMMON_VECTORS = 4

# How many vectors a decoding adds.
DECODE_VECTORS = {Decode.COLOUR: 0, Decode.FETCHED: 0, Decode.YUV422: 7, Decode.WORD: 2}

_VERTEX = """
out vec2 coordinate;
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = vec4(u[0].xy + corner.x * u[0].zw + corner.y * u[1].xy, 0.0, 1.0);
    coordinate = u[1].zw + corner * u[2].xy;
}
"""

_FRAGMENT_HEAD = """
in vec2 coordinate;
out vec4 colour;
"""

_SAMPLED = """
vec4 sample_at(vec2 position) {
    vec4 texel = texture(image, position);
    return SWIZZLED;
}
"""

# The shader filters after it decoded and multiplied colours with alpha. Chroma alone is not filtered between pairs.
_FETCHED = """
vec4 pixel(ivec2 position);
vec4 clamped(ivec2 position) {
    vec4 found = pixel(clamp(position, ivec2(0), ivec2(u[2].zw) - 1));
#ifdef STRAIGHT
    found.rgb *= found.a;
#endif
    return found;
}
vec4 sample_at(vec2 position) {
    vec2 texel_position = position * u[2].zw;
    if (u[3].x == 0.0) return clamped(ivec2(floor(texel_position)));
    texel_position -= 0.5;
    ivec2 first = ivec2(floor(texel_position));
    vec2 fraction = fract(texel_position);
    vec4 upper = mix(clamped(first), clamped(first + ivec2(1, 0)), fraction.x);
    vec4 lower = mix(clamped(first + ivec2(0, 1)), clamped(first + ivec2(1, 1)), fraction.x);
    return mix(upper, lower, fraction.y);
}
"""

# u[4] and u[5] select the luma of the even and the odd pixel, u[6] and u[7] Cb and Cr. u[8] to u[10] compute R, G, B.
_YUV422 = """
vec4 pixel(ivec2 position) {
    vec4 pair = texelFetch(image, ivec2(position.x >> 1, position.y), 0);
    vec4 sampled = vec4(dot(pair, (position.x & 1) == 0 ? u[4] : u[5]), dot(pair, u[6]), dot(pair, u[7]), 1.0);
    return vec4(clamp(vec3(dot(sampled, u[8]), dot(sampled, u[9]), dot(sampled, u[10])), 0.0, 1.0), 1.0);
}
"""

# u[4] holds the shifts of the four channels, u[5] their largest values: 0 for a missing alpha.
_WORD = """
vec4 pixel(ivec2 position) {
    uvec4 bytes = uvec4(texelFetch(image, position, 0) * 255.0 + 0.5);
    uint word = bytes.r | bytes.g << 8;
    vec4 value = vec4((uvec4(word) >> uvec4(u[4])) & uvec4(u[5])) / max(u[5], vec4(1.0));
    return vec4(value.rgb, u[5].a == 0.0 ? 1.0 : value.a);
}
"""

_PLAIN_MAIN = """
void main() {
    colour = sample_at(coordinate);
EFFECTS#ifdef OPAQUE
    colour.a = 1.0;
#endif
}
"""

# The outline covers what is near the shape, which is looked for in steps of half its width. Beyond the image's
# border everything is transparent.
_OUTLINED_MAIN = """
vec4 inside(vec2 position) {
    bool outside = any(lessThan(position, vec2(0.0))) || any(greaterThanEqual(position, vec2(1.0)));
    return outside ? vec4(0.0) : sample_at(position);
}
void main() {
    colour = inside(coordinate);
EFFECTS    float coverage = 0.0;
    vec2 half_width = u[3].y * 0.5 / u[2].zw;
    for (int y = -2; y <= 2; y++)
        for (int x = -2; x <= 2; x++)
            coverage = max(coverage, inside(coordinate + vec2(x, y) * half_width).a);
    colour += u[VECTORS - 1] * coverage * (1.0 - colour.a);
}
"""

# Squares of device pixels, so that they have the same size at any scaling.
_CHECKERED = """
    ivec2 square = ivec2(gl_FragCoord.xy) / CHECKER_PIXELS;
    colour += vec4(vec3(((square.x + square.y) & 1) == 0 ? CHECKER_LIGHT : CHECKER_DARK), 1.0) * (1.0 - colour.a);
"""

# A line is the first device pixel after a multiple of the distance. It is left out where lines would be too dense.
_GRID = """
    vec2 cell = coordinate * u[2].zw / u[GRID].xy;
    vec2 device_pixel = fwidth(cell);
    if (any(lessThan(fract(cell), mix(vec2(0.0), device_pixel, lessThan(device_pixel * GRID_LEAST, vec2(1.0))))))
        colour.rgb = mix(colour.rgb, u[GRID].z == 0.0 ? vec3(0.5) : GRID_COLOUR, GRID_STRENGTH);
"""

_DIFFERENCE = """
    colour = vec4(min(abs(colour.rgb - texture(before, coordinate).rgb) * AMPLIFICATION, 1.0), 1.0);
"""

_TEXEL = """
vec4 pixel(ivec2 position) {
    vec4 texel = texelFetch(image, position, 0);
    return SWIZZLED;
}
"""

_DECODERS = {Decode.COLOUR: _TEXEL, Decode.FETCHED: _TEXEL, Decode.YUV422: _YUV422, Decode.WORD: _WORD}

_CHANNELS = {
    api.GL_RED: "texel.r",
    api.GL_GREEN: "texel.g",
    api.GL_BLUE: "texel.b",
    api.GL_ALPHA: "texel.a",
    api.GL_ONE: "1.0",
}


CHECKER_PIXELS = 8
CHECKER_LIGHT, CHECKER_DARK = 153, 102
"""The squares behind transparent pixels: their size in device pixels, and their greys of 255."""

GRID_COLOUR = (1.0, 0.2, 0.8)
GRID_STRENGTH = 0.75
"""Bold lines are visible on any picture, and no colour of a guest's desktop. The picture shows through all lines."""

GRID_LEAST = 3
"""Lines with a smaller distance, in device pixels, would hide what is between them."""

OUTLINE_LEAST = 2
"""The least width of an outline in device pixels: a thinner one is not seen on a dense screen."""

AMPLIFICATION = 8
"""A difference of one step of 255 would not be visible."""

_CONSTANTS = {
    "CHECKER_PIXELS": str(CHECKER_PIXELS),
    "CHECKER_LIGHT": repr(CHECKER_LIGHT / 255),
    "CHECKER_DARK": repr(CHECKER_DARK / 255),
    "GRID_COLOUR": f"vec3{GRID_COLOUR}",
    "GRID_LEAST": f"{GRID_LEAST}.0",
    "GRID_STRENGTH": repr(GRID_STRENGTH),
    "AMPLIFICATION": f"{AMPLIFICATION}.0",
}


class Channel(Enum):
    """A channel that is shown alone, as grey."""

    RED = "vec4(colour.rrr, colour.a)"
    GREEN = "vec4(colour.ggg, colour.a)"
    BLUE = "vec4(colour.bbb, colour.a)"
    ALPHA = "vec4(colour.aaa, 1.0)"


@dataclass(frozen=True, slots=True)
class Variant:
    """The features of a program.

    ``straight`` multiplies colours with alpha; ``opaque`` sets alpha to one, but not with an outline. With a
    ``swizzle`` the texture is an external one, and the shader puts its channels in order.

    The others are for inspection: ``checkered`` shows squares behind transparent pixels, ``channel`` shows one channel,
    ``grid`` draws lines over the pixels, and ``difference`` compares with the texture ``before``.
    """

    decode: Decode
    straight: bool = False
    opaque: bool = False
    outlined: bool = False
    swizzle: Swizzle | None = None
    checkered: bool = False
    channel: Channel | None = None
    grid: bool = False
    difference: bool = False

    @property
    def vectors(self) -> int:
        """The length of ``u``."""
        return COMMON_VECTORS + DECODE_VECTORS[self.decode] + self.grid + self.outlined


def _effects(variant: Variant) -> str:
    """What happens to a colour after it was decoded; nothing in normal drawing."""
    text = _CHECKERED * variant.checkered
    if variant.channel is not None:
        text += f"    colour = {variant.channel.value};\n"
    text += _DIFFERENCE * variant.difference
    if variant.grid:
        text += _GRID.replace("u[GRID]", f"u[{variant.vectors - variant.outlined - 1}]")
    for name, value in _CONSTANTS.items():
        text = text.replace(name, value)
    return text


def sources(variant: Variant) -> tuple[str, str]:
    """Vertex shader and fragment shader."""
    version = "#version 300 es\n"
    precision = "precision highp float;\nprecision highp int;\n"
    uniforms = f"#define VECTORS {variant.vectors}\nuniform vec4 u[VECTORS];\n"
    switches = "#define STRAIGHT\n" * variant.straight + "#define OPAQUE\n" * variant.opaque
    sampled = variant.decode is Decode.COLOUR and not variant.straight
    body = _SAMPLED if sampled else _FETCHED + _DECODERS[variant.decode]
    if variant.swizzle is None:
        extension = "#define SWIZZLED texel\n"
        sampler = "sampler2D"
    else:
        channels = ", ".join(_CHANNELS[each] for each in variant.swizzle)
        extension = f"#extension GL_OES_EGL_image_external_essl3 : require\n#define SWIZZLED vec4({channels})\n"
        sampler = "samplerExternalOES"
    image = f"uniform highp {sampler} image;\n" + "uniform highp sampler2D before;\n" * variant.difference
    main = (_OUTLINED_MAIN if variant.outlined else _PLAIN_MAIN).replace("EFFECTS", _effects(variant))
    vertex = version + precision + uniforms + _VERTEX
    fragment = version + extension + precision + uniforms + switches + _FRAGMENT_HEAD + image + body + main
    return vertex, fragment
