"""How many pictures of the last second showed something new, counted as a :class:`Recorder` counts them, but always.

A window shows these figures all the time, and a recorder would cost more than it needs for that.
"""

from dataclasses import dataclass

from app.measure.loop.rate import Rate
from app.measure.record.frame_record import Kind
from app.planes.frame import Frame


@dataclass(frozen=True, slots=True)
class Rates:
    """Pictures of the last second: ``frames`` showed a flip or changed pixels, ``cursor_moves`` only another cursor."""

    frames: int = 0
    cursor_moves: int = 0


class PictureRates:
    """Is told of each new frame, of changed pixels, and of each drawn picture. Times are nanoseconds of one clock.

    A flip counts although the guest has flipped back before the picture is drawn: so what counts is what was found,
    and not what the last picture showed.
    """

    def __init__(self) -> None:
        self._frames = Rate()
        self._cursor_moves = Rate()
        self._found: Frame | None = None
        # What the next picture shows for the first time.
        self._kind = Kind.REPEAT

    def found(self, frame: Frame) -> None:
        """The source has this frame now."""
        before, self._found = self._found, frame
        if frame.primary is not None and (before is None or frame.primary is not before.primary):
            self._kind = Kind.FLIP
        elif before is not None and frame.cursor is not before.cursor and self._kind is Kind.REPEAT:
            self._kind = Kind.CURSOR

    def pixels_changed(self) -> None:
        """A look found changed pixels in the buffer on the screen."""
        if self._kind is not Kind.FLIP:
            self._kind = Kind.CHANGE

    def drawn(self, now_ns: int) -> None:
        """A picture of what was found was drawn."""
        kind, self._kind = self._kind, Kind.REPEAT
        if kind in (Kind.FLIP, Kind.CHANGE):
            self._frames.add(now_ns)
        elif kind is Kind.CURSOR:
            self._cursor_moves.add(now_ns)

    def rates(self, now_ns: int) -> Rates:
        """Those of the second before ``now_ns``."""
        return Rates(self._frames.per_second(now_ns), self._cursor_moves.per_second(now_ns))
