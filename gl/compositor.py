"""One pass into a framebuffer: background, primary plane, cursor.

A pass is a sequence of OpenGL calls with fixed arguments. Its parts are kept, so a frame of known planes only runs
calls that were prepared before. Qt draws with the window's context too, so a pass there sets all the state it depends
on, and afterwards what Qt expects. In a context of our own, state that no pass changes is set once.

The arguments are kept as objects of their C types. To convert an int costs ctypes more than most of these calls cost
the driver.
"""

import ctypes
from dataclasses import dataclass

from app.formats import yuv
from app.formats.fourcc import Family, PixelFormat
from gl import api
from gl.api import Call
from gl.clip_space import ClipSpace
from gl.context import Context
from gl.formats import Decode
from gl.programs import Programs
from gl.render_target import RenderTarget
from gl.shader_source import COMMON_VECTORS, OUTLINE_LEAST, Channel, Variant
from gl.textures import Texture

Colour = tuple[float, float, float]
Step = tuple[Call, tuple[object, ...]]
Steps = tuple[Step, ...]

_QUAD_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class Image:
    """A texture as a picture: ``width`` x ``height`` pixels of ``pixel_format``, to be decoded by ``decode``.

    ``y_inverted``: the texture's first row is the bottom one. With ``before``, a texture of the same size whose colours
    need no decoding, the amplified difference to it is drawn.
    """

    texture: Texture
    pixel_format: PixelFormat
    decode: Decode
    width: int
    height: int
    y_inverted: bool = False
    before: Texture | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """Lines over an image: their distances across and down, in pixels of the image as it lies in memory.

    ``bold`` lines are seen on any picture, the others are grey.
    """

    across: float
    down: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Style:
    """How an image is drawn over what is below.

    ``blend`` blends by alpha; colours are premultiplied unless ``straight``. Without ``blend`` the image replaces what
    is below, its alpha too unless ``opaque``. ``outline`` is the colour of a line around the shape, of one guest
    pixel and at least two device pixels. ``matrix`` is for YUV images only.

    ``checkered`` shows squares behind transparent pixels. ``channel`` shows one channel as grey.
    """

    opaque: bool = False
    blend: bool = False
    straight: bool = False
    smooth: bool = False
    outline: Colour | None = None
    matrix: yuv.Matrix = yuv.Matrix.BT601
    checkered: bool = False
    channel: Channel | None = None
    grid: Grid | None = None


class Layer:
    """An image in a given clip space; :meth:`move` sets its place.

    ``steps`` draw it; they refer to ``values``, the array ``u`` of :mod:`gl.shader_source`.
    """

    def __init__(self, clip: ClipSpace, image: Image, rim: float, values: list[float]) -> None:
        """``rim`` is the width of what is drawn around the image, in its pixels."""
        self._clip = clip
        self._image = image
        self._rim = rim
        self.values = (ctypes.c_float * len(values))(*values)
        self.steps: Steps = ()
        self._at: tuple[int, int] | None = None
        self._visible = False

    def move(self, x: int, y: int) -> Steps:
        """The steps that draw the image with its corner at a guest pixel; none when it is not visible there."""
        if self._at != (x, y):
            self._at = (x, y)
            image = self._image
            quad = self._clip.quad(x, y, image.width, image.height, self._rim, y_inverted=image.y_inverted)
            self._visible = quad is not None
            if quad is not None:
                self.values[:_QUAD_NUMBERS] = quad
        return self.steps if self._visible else ()


class _ArrayPointer(ctypes.c_void_p):
    """The address of an array, which it keeps alive. (ctypes.cast would do so by a circle of references.)"""

    def __init__(self, array: ctypes.Array[ctypes.c_float]) -> None:
        super().__init__(ctypes.addressof(array))
        self.array = array


def step(call: Call, *arguments: object) -> Step:
    """One call with its arguments as objects of their C types."""
    kinds = getattr(call, "argtypes", None)
    if kinds is None:
        # A function of a test in place of OpenGL's.
        return call, arguments
    pairs = zip(kinds, arguments, strict=True)
    return call, tuple(each if isinstance(each, kind) else kind(each) for kind, each in pairs)


def run_steps(steps: Steps) -> None:
    """Run the calls. The context must be current. The caller checks for errors."""
    for call, arguments in steps:
        call(*arguments)


class Compositor:
    """Prepares the parts of a pass for one context. Owns programs, samplers and a vertex array."""

    def __init__(self, context: Context) -> None:
        gl = context.gl
        self._context = context
        self._programs = Programs(context)
        # Has no attributes: the vertex shader computes each corner from its index.
        self._vertices = gl.generate(gl.GenVertexArrays)
        self._samplers = {smooth: self._sampler(smooth=smooth) for smooth in (False, True)}
        self._fixed: Steps = self._fixed_state()
        # Every pass begins without blending.
        self.end: Steps = (step(gl.Disable, api.GL_BLEND),)
        if context.shared:
            # The state that Qt's painter expects.
            self.end += (
                step(gl.BindSampler, 0, 0),
                step(gl.BindTexture, api.GL_TEXTURE_2D, 0),
                step(gl.UseProgram, 0),
                step(gl.BindVertexArray, 0),
            )
        else:
            run_steps(self._fixed)

    def _fixed_state(self) -> Steps:
        """The state that is the same in each pass."""
        gl = self._context.gl
        disabled = (
            api.GL_SCISSOR_TEST,
            api.GL_DEPTH_TEST,
            api.GL_STENCIL_TEST,
            api.GL_CULL_FACE,
            api.GL_BLEND,
            api.GL_DITHER,
        )
        one, rest = api.GL_ONE, api.GL_ONE_MINUS_SRC_ALPHA
        return (
            step(gl.ColorMask, 1, 1, 1, 1),
            *(step(gl.Disable, each) for each in disabled),
            step(gl.BlendEquation, api.GL_FUNC_ADD),
            step(gl.BlendFuncSeparate, one, rest, one, rest),
            step(gl.BindVertexArray, self._vertices),
            step(gl.ActiveTexture, api.GL_TEXTURE0),
        )

    def _sampler(self, *, smooth: bool) -> int:
        gl = self._context.gl
        name = gl.generate(gl.GenSamplers)
        kind = api.GL_LINEAR if smooth else api.GL_NEAREST
        for parameter in (api.GL_TEXTURE_MIN_FILTER, api.GL_TEXTURE_MAG_FILTER):
            gl.SamplerParameteri(name, parameter, kind)
        for parameter in (api.GL_TEXTURE_WRAP_S, api.GL_TEXTURE_WRAP_T):
            gl.SamplerParameteri(name, parameter, api.GL_CLAMP_TO_EDGE)
        return name

    def begin(self, target: RenderTarget, background: tuple[float, float, float, float]) -> Steps:
        """The steps that bind the target, clear it and prepare for layers."""
        gl = self._context.gl
        # llvmpipe keeps the buffers of a scene until it uses that scene again, and it uses the first free one
        # (lp_setup.c, lp_setup_get_empty_scene). With one frame at a time, only one scene holds our buffers.
        finish: Steps = (step(gl.Finish),) if self._context.software else ()
        return (
            *finish,
            *self.resume(target),
            step(gl.ClearColor, *background),
            step(gl.Clear, api.GL_COLOR_BUFFER_BIT),
        )

    def resume(self, target: RenderTarget) -> Steps:
        """The steps that bind the target and prepare for layers over what was drawn before."""
        gl = self._context.gl
        return (
            step(gl.BindFramebuffer, api.GL_FRAMEBUFFER, target.framebuffer),
            step(gl.Viewport, 0, 0, target.width, target.height),
            *(self._fixed if self._context.shared else ()),
        )

    def layer(self, clip: ClipSpace, image: Image, style: Style) -> Layer:
        """A layer for an image. Raises :class:`ShaderError` when its program cannot be built."""
        gl = self._context.gl
        # Straight colours must be multiplied with alpha before they are mixed: what is transparent has any colour.
        by_texture_unit = image.decode is Decode.COLOUR and not style.straight
        outlined = style.outline is not None
        # The swizzle of a format without alpha makes it opaque.
        opaque = style.opaque and image.pixel_format.has_alpha and not outlined
        variant = Variant(
            image.decode,
            style.straight,
            opaque,
            outlined,
            image.texture.swizzle,
            checkered=style.checkered and image.pixel_format.has_alpha,
            channel=style.channel,
            grid=style.grid is not None,
            difference=image.before is not None,
        )
        values = [0.0] * _QUAD_NUMBERS
        rim = max(1.0, clip.guest_pixels(OUTLINE_LEAST)) if outlined else 0.0
        values += [image.width, image.height, float(style.smooth and not by_texture_unit), rim, 0.0, 0.0]
        assert len(values) == 4 * COMMON_VECTORS
        values += _decoding(image, style.matrix)
        if style.grid is not None:
            values += [style.grid.across, style.grid.down, float(style.grid.bold), 0.0]
        if style.outline is not None:
            values += [*style.outline, 1.0]
        assert len(values) == 4 * variant.vectors
        program = self._programs.get(variant)
        layer = Layer(clip, image, rim, values)
        blending: Steps = (step(gl.Enable, api.GL_BLEND),) if style.blend else ()
        layer.steps = (
            *blending,
            step(gl.UseProgram, program.name),
            step(gl.BindTexture, image.texture.target, image.texture.name),
            # The texture unit must not filter where the shader does.
            step(gl.BindSampler, 0, self._samplers[style.smooth and by_texture_unit]),
            step(gl.Uniform4fv, program.location, program.vectors, _ArrayPointer(layer.values)),
            step(gl.DrawArrays, api.GL_TRIANGLE_STRIP, 0, 4),
        )
        if image.before is not None:
            sampler = self._samplers[style.smooth]
            layer.steps = (
                *self._second_unit(image.before.name, sampler),
                *layer.steps,
                *self._second_unit(0, 0),
            )
        return layer

    def _second_unit(self, texture: int, sampler: int) -> Steps:
        """The steps that bind a texture and its sampler to the second texture unit. The first unit stays active."""
        gl = self._context.gl
        return (
            step(gl.ActiveTexture, api.GL_TEXTURE1),
            step(gl.BindTexture, api.GL_TEXTURE_2D, texture),
            step(gl.BindSampler, 1, sampler),
            step(gl.ActiveTexture, api.GL_TEXTURE0),
        )

    def release(self) -> None:
        """Delete what this owns, with the context current; more calls do nothing."""
        gl = self._context.gl
        self._programs.release()
        vertices, self._vertices = self._vertices, 0
        if vertices:
            gl.delete(gl.DeleteVertexArrays, vertices)
        samplers, self._samplers = self._samplers, {}
        for each in samplers.values():
            gl.delete(gl.DeleteSamplers, each)


def _pick(index: int) -> list[float]:
    return [float(index == each) for each in range(4)]


def _decoding(image: Image, matrix: yuv.Matrix) -> list[float]:
    """The vectors from u[4] on."""
    pixel_format = image.pixel_format
    if image.decode is Decode.YUV422:
        assert pixel_format.family is Family.YUV422
        rows: list[float] = []
        for row in yuv.rgb_from_yuv(matrix):
            offset = -sum(each * start for each, start in zip(row, yuv.SAMPLE_OFFSET, strict=True))
            rows += [*row, offset]
        picks = [_pick(each) for each in (*pixel_format.luma, *pixel_format.chroma)]
        return [*(value for each in picks for value in each), *rows]
    if image.decode is Decode.WORD:
        channels = (pixel_format.red, pixel_format.green, pixel_format.blue, pixel_format.alpha)
        shifts = [float(each.shift) if each else 0.0 for each in channels]
        return [*shifts, *(float((1 << each.bits) - 1) if each else 0.0 for each in channels)]
    return []
