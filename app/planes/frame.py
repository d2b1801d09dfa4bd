"""A frame: the planes of one poll, each with its buffer."""

from dataclasses import dataclass

from app.planes.buffer import Buffer
from app.planes.plane import Plane
from app.planes.state import Status


@dataclass(frozen=True, slots=True)
class Surface:
    """A plane and the buffer that holds its pixels. The buffer is the cache's; do not close it."""

    plane: Plane
    buffer: Buffer


@dataclass(frozen=True, slots=True)
class Frame:
    """What one poll found.

    Two polls that found the same thing return the *same* object, so ``is`` tells whether planes, places or
    buffers changed. Equal frames do not mean equal pixels: a guest may draw into the buffer on screen.
    """

    primary: Surface | None
    cursor: Surface | None
    status: Status
