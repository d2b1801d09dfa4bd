"""One pass into a framebuffer: background, primary plane, cursor.

A pass is prepared once for a given set of layers and then only run: what is left for a cached frame is a row of bound
calls with fixed arguments. Everything a pass depends on is set by it, because Qt draws with the same context.
"""

import ctypes
from dataclasses import dataclass

from app.formats import yuv
from app.formats.pixel import Family, PixelFormat
from app.planes.layout import Layout, Rect
from gl import api
from gl.api import Call
from gl.context import Context
from gl.formats import Decode
from gl.shaders import COMMON_VECTORS, Programs
from gl.textures import Texture

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Target:
    """What is drawn into: a framebuffer's name and its size in device pixels.

    ``area`` is the part for the picture, with (0, 0) at the top-left; None means all of it. ``top_down`` tells that
    the framebuffer's first row is the picture's top one: so in memory that will be read back, not in windows.
    """

    width: int
    height: int
    framebuffer: int = 0
    area: Rect | None = None
    top_down: bool = False

    @property
    def picture_area(self) -> Rect:
        return self.area or Rect(0, 0, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Image:
    """A texture as a picture: ``width`` x ``height`` pixels of format ``known``, to be decoded by ``decode``."""

    texture: Texture
    known: PixelFormat
    decode: Decode
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Layer:
    """An image at ``x``, ``y`` in guest coordinates.

    ``opaque`` forces alpha to one; else the layer is blended, premultiplied unless ``straight``. ``outline`` draws a
    line of one guest pixel around the shape. ``matrix`` matters to YUV images only.
    """

    image: Image
    x: int = 0
    y: int = 0
    opaque: bool = False
    blend: bool = False
    straight: bool = False
    smooth: bool = False
    outline: Colour | None = None
    matrix: yuv.Matrix = yuv.Matrix.BT601


Step = tuple[Call, tuple[object, ...]]


class Pass:
    """A prepared pass. ``run`` leaves the target's framebuffer bound and errors for the caller to ask for."""

    def __init__(self, steps: tuple[Step, ...], kept: tuple[object, ...]) -> None:
        self._steps = steps
        # The memory that the steps point at.
        self._kept = kept

    def run(self) -> None:
        """Draw. The context must be current."""
        for call, arguments in self._steps:
            call(*arguments)


class Compositor:
    """Prepares passes for one context; owns its programs, samplers and vertex array."""

    def __init__(self, context: Context) -> None:
        gl = context.gl
        self._context = context
        self._programs = Programs(context)
        # Without attributes: the vertex shader makes the corners from their number.
        self._vertices = gl.generate(gl.GenVertexArrays)
        self._samplers = {smooth: self._sampler(smooth=smooth) for smooth in (False, True)}

    def _sampler(self, *, smooth: bool) -> int:
        gl = self._context.gl
        name = gl.generate(gl.GenSamplers)
        kind = api.GL_LINEAR if smooth else api.GL_NEAREST
        for parameter in (api.GL_TEXTURE_MIN_FILTER, api.GL_TEXTURE_MAG_FILTER):
            gl.SamplerParameteri(name, parameter, kind)
        for parameter in (api.GL_TEXTURE_WRAP_S, api.GL_TEXTURE_WRAP_T):
            gl.SamplerParameteri(name, parameter, api.GL_CLAMP_TO_EDGE)
        return name

    def prepare(
        self,
        target: Target,
        background: tuple[float, float, float, float],
        layout: Layout | None,
        layers: tuple[Layer, ...],
    ) -> Pass:
        """A pass that clears the target and draws ``layers`` in order, cut to what ``layout`` shows.

        Raises :class:`ShaderError` when a program cannot be made.
        """
        gl = self._context.gl
        steps: list[Step] = [
            (gl.BindFramebuffer, (api.GL_FRAMEBUFFER, target.framebuffer)),
            (gl.Viewport, (0, 0, target.width, target.height)),
            (gl.ColorMask, (1, 1, 1, 1)),
            *(
                (gl.Disable, (each,))
                for each in (
                    api.GL_SCISSOR_TEST,
                    api.GL_DEPTH_TEST,
                    api.GL_STENCIL_TEST,
                    api.GL_CULL_FACE,
                    api.GL_BLEND,
                    api.GL_DITHER,
                )
            ),
            (gl.ClearColor, background),
            (gl.Clear, (api.GL_COLOR_BUFFER_BIT,)),
        ]
        kept: list[object] = []
        drawn = False
        for layer in layers if layout else ():
            assert layout
            values = self._values(target, layout, layer)
            if values is None:
                continue
            if not drawn:
                steps += [(gl.BindVertexArray, (self._vertices,)), (gl.ActiveTexture, (api.GL_TEXTURE0,))]
                drawn = True
            kept += [values, layer.image.texture]
            steps += self._draw(layer, values)
        if drawn:
            # What Qt's painter expects to find.
            steps += [
                (gl.Disable, (api.GL_BLEND,)),
                (gl.BindSampler, (0, 0)),
                (gl.BindTexture, (api.GL_TEXTURE_2D, 0)),
                (gl.UseProgram, (0,)),
                (gl.BindVertexArray, (0,)),
            ]
        return Pass(tuple(steps), tuple(kept))

    def _draw(self, layer: Layer, values: ctypes.Array[ctypes.c_float]) -> list[Step]:
        gl = self._context.gl
        image = layer.image
        program = self._programs.get(image.decode, outlined=layer.outline is not None)
        # Where the shader filters, the texture unit must not.
        smooth = layer.smooth and image.decode in (Decode.COLOUR, Decode.EXTERNAL)
        steps: list[Step] = [
            (gl.UseProgram, (program.name,)),
            (gl.BindTexture, (image.texture.target, image.texture.name)),
            (gl.BindSampler, (0, self._samplers[smooth])),
            (gl.Uniform4fv, (program.location, program.vectors, ctypes.addressof(values))),
        ]
        if layer.blend:
            one, rest = api.GL_ONE, api.GL_ONE_MINUS_SRC_ALPHA
            steps += [
                (gl.Enable, (api.GL_BLEND,)),
                (gl.BlendEquation, (api.GL_FUNC_ADD,)),
                (gl.BlendFuncSeparate, (one, rest, one, rest)),
            ]
        else:
            steps.append((gl.Disable, (api.GL_BLEND,)))
        steps.append((gl.DrawArrays, (api.GL_TRIANGLE_STRIP, 0, 4)))
        return steps

    def _values(self, target: Target, layout: Layout, layer: Layer) -> ctypes.Array[ctypes.c_float] | None:
        """The array ``u`` of :mod:`gl.shaders` for a layer; None when nothing of it is visible."""
        image = layer.image
        # The outline needs one pixel beyond the image on each side.
        rim = 1 if layer.outline is not None else 0
        whole = Rect(layer.x - rim, layer.y - rim, layer.x + image.width + rim, layer.y + image.height + rim)
        shown = whole.intersect(layout.visible)
        if shown.empty:
            return None
        x, y = layout.to_target(shown.left, shown.top)
        _, _, ax, ay, dx, dy = layout.affine()
        # Clip space: -1 to 1, upwards. The one place where windows and memory to read back differ.
        across, upward = 2 / target.width, (2 if target.top_down else -2) / target.height
        bottom = -1 if target.top_down else 1
        smooth = layer.smooth and image.decode not in (Decode.COLOUR, Decode.EXTERNAL)
        values = [
            x * across - 1,
            y * upward + bottom,
            ax * shown.width * across,
            ay * shown.width * upward,
            dx * shown.height * across,
            dy * shown.height * upward,
            (shown.left - layer.x) / image.width,
            (shown.top - layer.y) / image.height,
            shown.width / image.width,
            shown.height / image.height,
            float(layer.opaque),
            float(smooth),
            float(image.width),
            float(image.height),
            float(layer.straight),
            0.0,
        ]
        assert len(values) == 4 * COMMON_VECTORS
        values += _decoding(image, layer.matrix)
        if layer.outline is not None:
            values += [*layer.outline, 1.0]
        return (ctypes.c_float * len(values))(*values)

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
    known = image.known
    if image.decode is Decode.YUV422:
        assert known.family is Family.YUV422
        rows: list[float] = []
        for row in yuv.rgb_from_yuv(matrix):
            offset = -sum(each * start for each, start in zip(row, yuv.SAMPLE_OFFSET, strict=True))
            rows += [*row, offset]
        picks = [_pick(each) for each in (*known.luma, *known.chroma)]
        return [*(value for each in picks for value in each), *rows]
    if image.decode is Decode.WORD:
        channels = (known.red, known.green, known.blue, known.alpha)
        shifts = [float(each.shift) if each else 0.0 for each in channels]
        return [*shifts, *(float((1 << each.bits) - 1) if each else 0.0 for each in channels)]
    return []
