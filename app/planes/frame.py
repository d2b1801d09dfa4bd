"""A frame: what a source shows at one moment, each plane with its buffer."""

from dataclasses import dataclass, field

from app.planes.buffer import Buffer
from app.planes.plane import Plane
from app.planes.status import Status


@dataclass(frozen=True, slots=True)
class Surface:
    """A plane and the buffer that holds its pixels. The buffer belongs to the frame source; do not close it."""

    plane: Plane
    buffer: Buffer


@dataclass(frozen=True, slots=True)
class RejectedPlane:
    """A plane the source reports and that cannot be shown, with the reason; ``buffer`` is None if none came."""

    plane: Plane
    buffer: Buffer | None
    status: Status


@dataclass(frozen=True, slots=True)
class DamagedRect:
    """A rectangle of the primary plane whose pixels changed, in pixels from its top-left corner as it is seen."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """When a change was seen, in nanoseconds of ``time.monotonic_ns()``, and what it cost to see it.

    The change happened after ``previous_poll_ns``, the start of the poll that did not see it yet, and before the
    end of the one that began at ``seen_ns``. A pushed source polls nothing: both are the time of its message.
    ``query_ns`` and ``fetch_ns`` are how long asking for the planes and getting their buffers took.
    """

    previous_poll_ns: int
    seen_ns: int
    query_ns: int = 0
    fetch_ns: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What a source shows. ``status`` is about the primary plane.

    A source that found nothing new returns the *same* object again, so ``is`` tells whether anything changed.
    ``serial`` counts the frames of one source. ``damage`` is what changed since the serial before; None is not
    known, all of it then. ``timing`` is None for a frame that no look at the source found; equality ignores it.
    """

    status: Status
    primary: Surface | None = None
    cursor: Surface | None = None
    rejected: tuple[RejectedPlane, ...] = ()
    serial: int = 0
    damage: tuple[DamagedRect, ...] | None = None
    timing: FrameTiming | None = field(default=None, compare=False)
