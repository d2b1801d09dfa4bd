"""How many pictures of the last second showed something new, counted as a :class:`Recorder` counts them, but always.

A window shows these figures all the time, and a recorder would cost more than it needs for that.
"""

from dataclasses import dataclass

from app.measure.loop.rate import Rate
from app.measure.record.frame_record import Kind
from app.planes.frame import Frame


@dataclass(frozen=True, slots=True)
class Rates:
    """Pictures of the last second, by what they showed for the first time.

    ``flips`` showed a flip, ``changes`` only changed pixels in the buffer that was on the screen, ``cursor_moves`` only
    the cursor. One drawing of the guest may be several changes: a look at the pixels sees a part of them, and up to
    eight looks (:mod:`app.planes.pixel_samples`) see the parts of one drawing.
    """

    flips: int = 0
    changes: int = 0
    cursor_moves: int = 0


class PictureRates:
    """Is told of each new frame, of changed pixels, and of each drawn picture. Times are nanoseconds of one clock.

    A flip counts although the guest has flipped back before the picture is drawn: so what counts is what was found,
    and not what the last picture showed.
    """

    def __init__(self) -> None:
        self._rates = {kind: Rate() for kind in (Kind.FLIP, Kind.CHANGE, Kind.CURSOR)}
        self._found: Frame | None = None
        # What the next picture shows for the first time.
        self._kind = Kind.REPEAT

    def found(self, frame: Frame) -> None:
        """The source has this frame now."""
        before, self._found = self._found, frame
        if frame.primary is not None and (before is None or frame.primary is not before.primary):
            self._kind = Kind.FLIP
            return
        if frame.primary is not None and frame.damage:
            self.pixels_changed()
        if before is not None and frame.cursor is not before.cursor and self._kind is Kind.REPEAT:
            self._kind = Kind.CURSOR

    def pixels_changed(self) -> None:
        """A look found changed pixels in the buffer on the screen."""
        if self._kind is not Kind.FLIP:
            self._kind = Kind.CHANGE

    def drawn(self, now_ns: int) -> None:
        """A picture of what was found was drawn."""
        kind, self._kind = self._kind, Kind.REPEAT
        if kind is not Kind.REPEAT:
            self._rates[kind].add(now_ns)

    def rates(self, now_ns: int) -> Rates:
        """Those of the second before ``now_ns``."""
        return Rates(*(each.per_second(now_ns) for each in self._rates.values()))
