"""The changes of a window's picture for the inspector's log. It is told of each picture that the window shows."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from app.diagnosis.changes.change import Change, ChangeKind, LogStart
from app.diagnosis.changes.changes import ChangeLog
from app.planes.plane import PlaneKind
from ui.window.inspector.inspected import Event
from ui.window.picture.picture_window import PictureWindow

# The log shows no more.
_MOST_EVENTS = 1000
# Of an ISO 8601 time: hours to milliseconds.
_TIME_OF_DAY = slice(11, 23)


class PictureChanges:
    """Follows a window from its construction to :meth:`close`. ``clock`` gives nanoseconds of the monotonic clock."""

    def __init__(self, picture: PictureWindow, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._picture = picture
        self._clock = clock
        self._start = LogStart(clock(), datetime.now(UTC).astimezone())
        self._log = ChangeLog()
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._add((Change(self._start.ns, ChangeKind.START, f"watching {picture.target}"),))
        picture.frameSwapped.connect(self._look)
        picture.state_changed.connect(self._look)

    def take(self) -> tuple[Event, ...]:
        """What changed since the last call."""
        self._look()
        picture, now = self._picture, self._clock()
        session, drawn = picture.session, picture.last_draw[1]
        if drawn is not None and picture.frame.primary is not None:
            for kind, outcome in ((PlaneKind.PRIMARY, drawn.primary), (PlaneKind.CURSOR, drawn.cursor)):
                if outcome is not None:
                    self._add(self._log.outcome(kind, outcome, now))
        self._add(self._log.buffers(session.buffers() if session is not None else (), now))
        self._add(self._log.findings(picture.diagnosis.findings, now))
        events = tuple(self._events)
        self._events.clear()
        return events

    def close(self) -> None:
        """Follow the window no more."""
        self._picture.frameSwapped.disconnect(self._look)
        self._picture.state_changed.disconnect(self._look)

    def _look(self) -> None:
        self._add(self._log.frame(self._picture.frame, self._clock()))

    def _add(self, changes: Iterable[Change]) -> None:
        for each in changes:
            self._events.append(Event(self._start.wall_time(each.ns)[_TIME_OF_DAY], each.kind.value, each.text))
