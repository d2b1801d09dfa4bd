"""What was seen of a picture over time. Pure, with the times that it is given."""

from collections.abc import Iterable

from app.diagnosis.picture.cursor_place import CursorPlace, cursor_place, place_text
from app.diagnosis.picture.picture_facts import HistoryFacts, SeenCursor
from app.planes.frame import Frame
from app.planes.pixel_samples import Look
from app.planes.plane import Plane

_SECOND = 1e9


class PictureHistory:
    """Is told of each new frame and of each change of pixels; costs a few comparisons. Times are nanoseconds.

    ``sees_pixels``: the caller tells of changed pixels too. Without that, a guest that draws into the buffer on the
    screen looks as if it drew nothing, so it is not known how long the picture has been unchanged.
    """

    def __init__(self, began_ns: int, *, sees_pixels: bool = True) -> None:
        self._began_ns = began_ns
        self._sees_pixels = sees_pixels
        self._frame: Frame | None = None
        self._shown_before = False
        self._off_ns: int | None = None
        self._changed_ns = began_ns
        self._blind = False
        self._cursor_seen = False
        # The last picture and cursor of each place, and when they were seen.
        self._cursor_places: dict[CursorPlace, tuple[Plane, Plane, int]] = {}

    def saw(self, frame: Frame, ns: int) -> None:
        """The source has this frame at ``ns``. The same frame again is no change."""
        if frame is self._frame:
            return
        self._frame = frame
        self._changed_ns, self._blind = ns, False
        if frame.primary is not None:
            self._shown_before = True
            self._off_ns = None
            if frame.cursor is not None:
                self._cursor_seen = True
                self._cursor_at(frame.primary.plane, frame.cursor.plane, ns)
        elif self._off_ns is None:
            self._off_ns = ns

    def _cursor_at(self, picture: Plane, cursor: Plane, ns: int) -> None:
        place = cursor_place(picture, cursor)
        if place is not CursorPlace.INSIDE:
            self._cursor_places[place] = (picture, cursor, ns)

    def looked(self, look: Look, ns: int) -> None:
        """A look at the pixels on the screen ended at ``ns``. One that saw nothing may have missed a change."""
        if look.previous_ns is not None or look.blind:
            self._changed_ns = ns
        self._blind = look.blind

    def unchanged_s(self, ns: int) -> float | None:
        """For how long the picture has been unchanged; None without a picture, or if that is not known."""
        if self._frame is None or self._frame.primary is None or not self._sees_pixels or self._blind:
            return None
        return max(0, ns - self._changed_ns) / _SECOND

    def facts(self, ns: int, query_errors: Iterable[tuple[str, int]] = ()) -> HistoryFacts:
        """What is known at ``ns``. ``query_errors`` come from the source, which alone sees each query."""
        return HistoryFacts(
            watched_s=max(0, ns - self._began_ns) / _SECOND,
            shown_before=self._shown_before,
            off_s=None if self._off_ns is None else max(0, ns - self._off_ns) / _SECOND,
            unchanged_s=self.unchanged_s(ns),
            query_errors=tuple(query_errors),
            cursor_seen=self._cursor_seen,
            cursor_places=tuple(
                SeenCursor(place, place_text(picture, cursor), max(0, ns - seen) / _SECOND)
                for place, (picture, cursor, seen) in self._cursor_places.items()
            ),
        )
