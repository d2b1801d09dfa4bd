"""Surfaces that nobody draws."""

from types import SimpleNamespace
from typing import cast

from app.planes.buffer import Buffer
from app.planes.frame import Surface
from tests.unit.app.diagnosis.facts import PRIMARY


def surface() -> Surface:
    """A new surface each time. Its buffer has nothing but a number."""
    return Surface(PRIMARY, cast(Buffer, SimpleNamespace(serial=1, size=PRIMARY.size)))
