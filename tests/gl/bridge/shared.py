"""What the tests of the bridge share."""

import errno

import pytest

from app.planes.frame import Frame
from gl.draw_options import DrawOptions
from gl.renderer import Renderer
from tests.gl.surfaces import Bytes


def captured(renderer: Renderer, shown: Frame, options: DrawOptions = DrawOptions()) -> Bytes:  # noqa: B008
    pixels = renderer.capture(shown, options=options)
    assert pixels is not None
    return pixels


def forbid_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("app.planes.buffer._map", refuse)
