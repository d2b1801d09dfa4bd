"""Surfaces that nobody draws."""

from types import SimpleNamespace
from typing import cast

from app.planes.buffer import Buffer
from app.planes.frame import Surface
from tests.unit.app.diagnosis.picture.facts import PRIMARY

_BUFFER = SimpleNamespace(serial=1, size=PRIMARY.size, dmabuf_fd=None, inode=None, exporter=None)


def surface() -> Surface:
    """A new surface each time. Its buffer has no memory."""
    return Surface(PRIMARY, cast(Buffer, _BUFFER))
