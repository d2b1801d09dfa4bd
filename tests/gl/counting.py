"""Counts the calls through the tables of entry points."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gl.api import Gl
from gl.context import Context
from gl.egl import Egl

# The function that creates an object, and the one that must delete it.
PAIRS = {
    "GenTextures": "DeleteTextures",
    "GenFramebuffers": "DeleteFramebuffers",
    "GenBuffers": "DeleteBuffers",
    "GenQueriesEXT": "DeleteQueriesEXT",
    "GenSamplers": "DeleteSamplers",
    "GenVertexArrays": "DeleteVertexArrays",
    "CreateProgram": "DeleteProgram",
    "CreateShader": "DeleteShader",
    "CreateImageKHR": "DestroyImageKHR",
}

# Each of these takes memory: on the GPU, or until its object is deleted.
ALLOCATING = (
    *PAIRS,
    "EGLImageTargetTexture2DOES",
    "TexStorage2D",
    "TexSubImage2D",
    "CompileShader",
    "LinkProgram",
    "ReadPixels",
)


class Calls(Counter[str]):
    """How often each entry point was called; failed creations are not counted."""

    def alive(self) -> dict[str, int]:
        """How many objects are alive, by the function that created them."""
        return {create: self[create] - self[delete] for create, delete in PAIRS.items() if self[create] != self[delete]}

    def since(self, earlier: Counter[str]) -> "Calls":
        """What was called after ``earlier``, a copy of this, was taken."""
        return Calls({name: count - earlier[name] for name, count in self.items() if count != earlier[name]})

    def allocating(self) -> dict[str, int]:
        """Calls that take memory."""
        return {name: self[name] for name in ALLOCATING if self[name]}


@contextmanager
def counted(context: Context) -> Iterator[Calls]:
    """Count calls through the tables of a context. It counts only functions that are looked up while it is active."""
    calls = Calls()

    def wrap(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any) -> Any:
            result = call(*arguments)
            if name != "CreateImageKHR" or result:
                calls[name] += 1
            return result

        return counting

    originals: list[tuple[Gl | Egl, str, Callable[..., Any]]] = []
    for table in (context.gl, context.egl):
        for name in type(table).__annotations__:
            call = getattr(table, name)
            originals.append((table, name, call))
            setattr(table, name, wrap(name, call))
    try:
        yield calls
    finally:
        for table, name, call in originals:
            setattr(table, name, call)
