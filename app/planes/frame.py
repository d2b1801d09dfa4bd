"""A frame: the planes of one poll, each with its buffer."""

from dataclasses import dataclass

from app.planes.buffer import Buffer
from app.planes.plane import Plane
from app.planes.status import Status


@dataclass(frozen=True, slots=True)
class Surface:
    """A plane and the buffer that holds its pixels. The buffer belongs to the poller; do not close it."""

    plane: Plane
    buffer: Buffer


@dataclass(frozen=True, slots=True)
class Refused:
    """A plane the device reports and that cannot be shown, with the reason; ``buffer`` is None if none came."""

    plane: Plane
    buffer: Buffer | None
    status: Status


@dataclass(frozen=True, slots=True)
class Frame:
    """What one poll found. ``status`` is about the primary plane.

    Two polls that found the same thing return the *same* object, so ``is`` tells whether planes, places or
    buffers changed. The same frame does not mean the same pixels: a guest may draw into the buffer on screen.
    """

    status: Status
    primary: Surface | None = None
    cursor: Surface | None = None
    refused: tuple[Refused, ...] = ()
