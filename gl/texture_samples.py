"""Whether the pixels of a texture changed, where the CPU cannot read the buffer behind it (GVT-g's dma-bufs).

The GPU reduces rows of the texture to a few hashes, and only these are read back: 4 bytes for each run of 128 texels.
The rows and what is guaranteed are those of :mod:`app.planes.pixel_samples`, but for the comparison, which is of hashes
of 32 bits. A change of one texel always changes its hash: each step of the hash is a bijection. Other changes are
missed with a probability of 2**-32 for each run.

The result is read through a pixel buffer after a fence. A GPU that is not ready within a millisecond is asked again at
the next look, so that the window never waits for it longer.
"""

import ctypes

import numpy as np
import numpy.typing as npt

from app.planes.pixel_samples import LOOKS, Look, phase_of
from gl import api
from gl.canvas import Canvas
from gl.compositor import Compositor, Image, run_steps
from gl.context import Context
from gl.errors import GlError
from gl.programs import Program, link
from gl.render_target import RenderTarget
from gl.textures import Texture

_RUN = 128
_PATIENCE_NS = 1_000_000
_BYTES = 4

_VERTEX = """#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0, 0.0, 1.0); }
"""

# u[0] is the first row, the distance of rows, and the size of the texture in texels.
_FRAGMENT = """#version 300 es
EXTENSION
precision highp float;
precision highp int;
uniform vec4 u[1];
uniform highp SAMPLER image;
out vec4 colour;
uint mixed(uint hash, uint word) {
    hash = (hash ^ word) * 16777619u;
    return hash << 13 | hash >> 19;
}
void main() {
    ivec4 given = ivec4(u[0]);
    ivec2 at = ivec2(gl_FragCoord.xy);
    int row = given.x + at.y * given.y;
    int end = row < given.w ? min((at.x + 1) * RUN, given.z) : 0;
    uint hash = 2166136261u;
    for (int x = at.x * RUN; x < end; x++) {
        uvec4 bits = floatBitsToUint(texelFetch(image, ivec2(x, row), 0));
        hash = mixed(mixed(mixed(mixed(hash, bits.r), bits.g), bits.b), bits.a);
    }
    colour = vec4((uvec4(hash) >> uvec4(0, 8, 16, 24)) & 255u) / 255.0;
}
"""


class Reductions:
    """Owns a context's programs that reduce rows: one for external textures, one for the others."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._programs: dict[bool, Program] = {}

    def of(self, texture: Texture) -> Program:
        """The program for a texture, compiled if necessary, with the context current. Raises :class:`ShaderError`."""
        external = texture.swizzle is not None
        program = self._programs.get(external)
        if program is None:
            program = self._programs[external] = reduction(self._context, external=external)
        return program

    def release(self) -> None:
        """Delete the programs, with the context current; more calls do nothing."""
        programs, self._programs = self._programs, {}
        for each in programs.values():
            self._context.gl.DeleteProgram(each.name)


def reduction(context: Context, *, external: bool) -> Program:
    """The program that reduces rows of an external texture, or of an ordinary one. Raises :class:`ShaderError`."""
    extension = "#extension GL_OES_EGL_image_external_essl3 : require" if external else ""
    sampler = "samplerExternalOES" if external else "sampler2D"
    source = _FRAGMENT.replace("EXTENSION", extension).replace("SAMPLER", sampler).replace("RUN", str(_RUN))
    return link(context.gl, _VERTEX, source, 1)


class TextureSamples:
    """Looks at an image, which must live as long. Owns a framebuffer and a pixel buffer. Raises :class:`GlError`."""

    def __init__(self, context: Context, compositor: Compositor, program: Program, image: Image) -> None:
        gl = self._gl = context.gl
        self._compositor = compositor
        self._program = program
        self._image = image
        texture = image.texture
        gl.errors()
        bound = gl.integer(api.GL_FRAMEBUFFER_BINDING)
        try:
            self._canvas = Canvas(context, -(-texture.width // _RUN), -(-texture.height // LOOKS))
        finally:
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)
        self._size = self._canvas.width * self._canvas.height * _BYTES
        self._pixels = gl.generate(gl.GenBuffers)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
        gl.BufferData(api.GL_PIXEL_PACK_BUFFER, self._size, None, api.GL_STREAM_READ)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
        self._fence = 0
        self._began_ns = 0
        self._seen: list[npt.NDArray[np.uint8] | None] = [None] * LOOKS
        self._times = [0] * LOOKS
        self._next = 0

    def look(self, now_ns: int) -> Look | None:
        """Look at the next rows; None if the GPU has no answer yet. Raises :class:`GlError`."""
        gl = self._gl
        if not self._fence:
            self._start(now_ns)
        answer = gl.ClientWaitSync(self._fence, api.GL_SYNC_FLUSH_COMMANDS_BIT, _PATIENCE_NS)
        if answer not in (api.GL_ALREADY_SIGNALED, api.GL_CONDITION_SATISFIED):
            gl.check("waiting for the pixels")
            return None
        hashes = self._read()
        index = self._next
        self._next = (index + 1) % LOOKS
        seen, before = self._seen[index], self._times[index]
        draw = seen is None or not np.array_equal(hashes, seen)
        self._seen[index], self._times[index] = hashes, self._began_ns
        return Look(draw, self._began_ns, before if draw and seen is not None else None)

    def _start(self, now_ns: int) -> None:
        gl, canvas, texture = self._gl, self._canvas, self._image.texture
        gl.errors()
        bound = gl.integer(api.GL_FRAMEBUFFER_BINDING)
        values = (ctypes.c_float * 4)(phase_of(self._next), LOOKS, texture.width, texture.height)
        try:
            run_steps(
                self._compositor.begin(
                    RenderTarget(canvas.width, canvas.height, canvas.framebuffer), (0.0, 0.0, 0.0, 0.0)
                )
            )
            gl.UseProgram(self._program.name)
            gl.BindTexture(texture.target, texture.name)
            gl.BindSampler(0, 0)
            gl.Uniform4fv(self._program.location, 1, ctypes.addressof(values))
            gl.DrawArrays(api.GL_TRIANGLE_STRIP, 0, 4)
            gl.BindTexture(texture.target, 0)
            run_steps(self._compositor.end)
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
            gl.PixelStorei(api.GL_PACK_ALIGNMENT, 4)
            gl.PixelStorei(api.GL_PACK_ROW_LENGTH, 0)
            gl.ReadPixels(0, 0, canvas.width, canvas.height, api.GL_RGBA, api.GL_UNSIGNED_BYTE, None)
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
            fence = gl.FenceSync(api.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        finally:
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, bound)
        gl.check("looking at the pixels")
        self._fence, self._began_ns = fence, now_ns

    def _read(self) -> npt.NDArray[np.uint8]:
        gl = self._gl
        fence, self._fence = self._fence, 0
        gl.DeleteSync(fence)
        gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, self._pixels)
        try:
            address = gl.MapBufferRange(api.GL_PIXEL_PACK_BUFFER, 0, self._size, api.GL_MAP_READ_BIT)
            if not address:
                raise GlError("glMapBufferRange", gl.errors())
            hashes = np.frombuffer(ctypes.string_at(address, self._size), np.uint8)
            gl.UnmapBuffer(api.GL_PIXEL_PACK_BUFFER)
        finally:
            gl.BindBuffer(api.GL_PIXEL_PACK_BUFFER, 0)
        return hashes

    def release(self) -> None:
        """Delete what this owns, with the context current; more calls do nothing."""
        gl = self._gl
        fence, self._fence = self._fence, 0
        if fence:
            gl.DeleteSync(fence)
        pixels, self._pixels = self._pixels, 0
        if pixels:
            gl.delete(gl.DeleteBuffers, pixels)
        self._canvas.release()
