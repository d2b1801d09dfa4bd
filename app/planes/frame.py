"""A frame: what a source shows at one moment, each plane with its buffer."""

from dataclasses import dataclass, field
from typing import NamedTuple

from app.planes.buffer import Buffer
from app.planes.damage import DamagedRect
from app.planes.outcome import ImportFailure
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason, Status

# The serial number of the buffer, the import key of the plane, and its kind.
SurfaceKey = tuple[int, tuple[int, ...], int]


_OFF = Status(Reason.PLANE_OFF)


@dataclass(frozen=True, slots=True)
class Surface:
    """A plane and the buffer that holds its pixels. The buffer belongs to the frame source; do not close it.

    Surfaces of one ``key`` have the same pixels in the same layout. It is made once, because each frame needs it.
    ``export_failure`` is why the kernel made no dma-buf of this memory, if the source tried that.
    """

    plane: Plane
    buffer: Buffer
    export_failure: ImportFailure | None = None
    key: SurfaceKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", (self.buffer.serial, self.plane.import_key, self.plane.kind.value))


@dataclass(frozen=True, slots=True)
class RejectedPlane:
    """A plane that the source reports but that cannot be shown. ``buffer`` is None if the source gave none."""

    plane: Plane
    buffer: Buffer | None
    status: Status


class FrameTiming(NamedTuple):
    """When a change was seen, in nanoseconds of ``time.monotonic_ns()``, and how long the queries and fetches took.

    ``previous_poll_ns`` is the start of the last poll that did not see the change. ``seen_ns`` is the end of the query
    that saw it. The change happened between the two. A pushed source does not poll: both are the time of its message.

    A tuple, because each frame has a new one: a frozen dataclass takes three times as long to make.
    """

    previous_poll_ns: int
    seen_ns: int
    query_ns: int = 0
    fetch_ns: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What a source shows. ``status`` is about the primary plane.

    ``cursor_status`` is about the cursor plane, and tells why there is no ``cursor``, unless ``rejected`` has it.
    If nothing changed, the source returns the *same* object again, so ``is`` tells whether anything changed.
    ``serial`` counts the frames of one source. ``damage`` is what changed since the serial before; None means that it
    is not known and everything may have changed. ``timing`` is None for a frame that was not seen by a poll or message.
    Equality ignores it.
    """

    status: Status
    primary: Surface | None = None
    cursor: Surface | None = None
    rejected: tuple[RejectedPlane, ...] = ()
    serial: int = 0
    damage: tuple[DamagedRect, ...] | None = None
    timing: FrameTiming | None = field(default=None, compare=False)
    cursor_status: Status = _OFF

    @property
    def cursor_refusal(self) -> Status | None:
        """Why the source does not give the cursor plane although it may have one; None if it gives it, or has none."""
        for each in self.rejected:
            if each.plane.kind is PlaneKind.CURSOR:
                return each.status
        return None if self.cursor is not None or self.cursor_status.reason in _NO_CURSOR else self.cursor_status

    @property
    def why_no_cursor(self) -> Status:
        """Why there is no cursor to look at: it is refused, it is off, there is none, or there is no picture."""
        refusal = self.cursor_refusal
        if refusal is not None:
            return refusal
        if self.primary is None or self.cursor_status.reason is Reason.OK:
            return self.status
        return self.cursor_status


_NO_CURSOR = (Reason.OK, Reason.PLANE_OFF, Reason.NO_CURSOR_PLANE)
