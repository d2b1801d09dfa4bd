"""The context that was current is current again, with the surfaces of its window."""

from typing import Any, cast

import pytest

from gl.context import Context, SurfacelessContext
from gl.egl import Egl
from gl.egl_constants import EGL_DRAW, EGL_READ
from gl.egl_display import DisplayOrigin, Platform
from gl.kept_current import ContextNotRestored, kept_current


class FakeEgl:
    """EGL with the window's display 1, surfaces 2 and 3 and context 4 current."""

    def __init__(self) -> None:
        self.current: tuple[Any, ...] = (1, 2, 3, 4)
        self.refuses = False

    def GetCurrentDisplay(self) -> int:  # noqa: N802  (EGL's names)
        return int(self.current[0])

    def GetCurrentContext(self) -> int:  # noqa: N802
        return int(self.current[3])

    def GetCurrentSurface(self, which: int) -> int:  # noqa: N802
        return int(self.current[{EGL_DRAW: 1, EGL_READ: 2}[which]])

    def MakeCurrent(self, *what: object) -> int:  # noqa: N802
        if not self.refuses:
            self.current = what
        return not self.refuses

    def GetError(self) -> int:  # noqa: N802
        return 0x300D

    def require(self, result: object, call: str) -> object:
        return Egl.require(cast(Egl, self), result, call)


def test_display_surfaces_and_context_are_those_of_before() -> None:
    egl = FakeEgl()
    with pytest.raises(RuntimeError), kept_current(cast(Egl, egl)):
        egl.MakeCurrent(7, None, None, 8)
        raise RuntimeError
    assert egl.current == (1, 2, 3, 4)


def test_a_window_that_is_gone_is_told() -> None:
    egl = FakeEgl()
    with pytest.raises(ContextNotRestored, match="EGL_BAD_SURFACE"), kept_current(cast(Egl, egl)):
        egl.MakeCurrent(7, None, None, 8)
        egl.refuses = True


@pytest.mark.usefixtures("own_context")
def test_where_none_was_current_none_is_current(gl_context: Context) -> None:
    egl, display = gl_context.egl, gl_context.display.handle
    egl.MakeCurrent(display, None, None, None)
    with kept_current(egl), SurfacelessContext(origin=DisplayOrigin(Platform.DEVICE)) as other:
        other.make_current()
        assert egl.GetCurrentContext()
    assert not egl.GetCurrentContext()
