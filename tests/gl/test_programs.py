"""Every variant of the shader program compiles, and a failure names the compiler's message."""

import itertools

import pytest

from gl import api
from gl.compositor import Compositor
from gl.context import Context
from gl.debug import DebugLog
from gl.errors import ShaderError
from gl.formats import Decode, Swizzle
from gl.programs import Programs
from gl.shader_source import Variant
from tests.gate import unavailable
from tests.gl.counting import Calls


@pytest.mark.parametrize("decode", Decode)
@pytest.mark.parametrize("swizzle", [None, (api.GL_BLUE, api.GL_GREEN, api.GL_RED, api.GL_ONE)])
def test_all_variants(gl_context: Context, calls: Calls, decode: Decode, swizzle: Swizzle | None) -> None:
    programs = Programs(gl_context)
    if swizzle and not gl_context.external_textures:
        unavailable("no external textures here")
    for straight, opaque, outlined in itertools.product([False, True], repeat=3):
        variant = Variant(decode, straight, opaque, outlined, swizzle)
        program = programs.get(variant)
        assert program.location >= 0
        assert programs.get(variant) is program
    programs.release()
    programs.release()


def test_the_compiler_message_is_kept(
    gl_context: Context, gl_log: DebugLog, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    monkeypatch.setattr("gl.shader_source._PLAIN_MAIN", "void main() { colour = nonsense; }")
    programs = Programs(gl_context)
    with pytest.raises(ShaderError, match="nonsense"):
        programs.get(Variant(Decode.COLOUR))
    programs.release()
    gl_log.messages.clear()


def test_a_program_that_does_not_link(
    gl_context: Context, gl_log: DebugLog, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    monkeypatch.setattr("gl.shader_source._VERTEX", "out vec3 at;\nvoid main() { gl_Position = u[0]; at = vec3(0.0); }")
    programs = Programs(gl_context)
    with pytest.raises(ShaderError, match="glLinkProgram"):
        programs.get(Variant(Decode.COLOUR))
    programs.release()
    gl_log.messages.clear()


def test_release_more_than_once(gl_context: Context, calls: Calls) -> None:
    compositor = Compositor(gl_context)
    compositor.release()
    compositor.release()
