"""One connector of a guest's display, between the backend's thread and the consumer of its frames."""

import threading
import time
from collections import Counter
from collections.abc import Callable

from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem
from app.planes.frame import Frame
from app.planes.plane import Plane
from app.planes.status import Status
from app.xen.display.connector_picture import ConnectorPicture, OwnedBuffer
from app.xen.display.flip_events import FlipEvents
from app.xen.display.guest_buffers import GuestBuffer


class Connector:
    """The state of one connector. Any thread may call any method; the comments say who does.

    ``width`` and ``height`` are the mode that the toolstack configured, in pixels; 0 before it is known.
    """

    def __init__(self, number: int, status: Status, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.number = number
        self.width = self.height = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._picture = ConnectorPicture(status)
        self._flips = FlipEvents()
        self._changed: Callable[[], None] | None = None
        self._messages: Counter[str] = Counter()
        self._kind: str | None = None
        self._paced = False
        self._problem: SeenProblem | None = None
        self._end: Status | None = None

    # The backend's thread:

    def show(self, memory: GuestBuffer, plane: Plane, flip: int | None = None) -> None:
        """Show a plane. ``flip``: the framebuffer whose event the guest waits for. Raises OSError."""
        now_ns = self._clock()
        with self._lock:
            if self._end is not None:
                return
            self._picture.show(memory, plane, now_ns)
            self._kind = "own-dmabuf" if memory.is_own else "pages"
            if flip is not None:
                self._paced = True
                self._flips.flipped(flip, self._picture.next_serial, now_ns)
        self._tell()

    def show_nothing(self, status: Status) -> None:
        with self._lock:
            self._picture.show_nothing(self._end or status, self._clock())
        self._tell()

    def explain(self, status: Status) -> None:
        """Why nothing can be shown; a picture that is shown stays."""
        with self._lock:
            if not self._picture.is_showing:
                self._picture.show_nothing(self._end or status, self._clock())
        self._tell()

    def forget(self, memory: GuestBuffer, status: Status) -> None:
        """The guest has destroyed this memory; ``status`` is for a picture that was in it."""
        with self._lock:
            self._picture.forget(memory, self._end or status, self._clock())
        self._tell()

    def end(self, status: Status) -> None:
        """No more frames will come after that of this status. The first end counts."""
        with self._lock:
            self._flips.clear()
            if self._end is None:
                self._end = status
                self._picture.show_nothing(status, self._clock())
        self._tell()

    def disconnected(self) -> None:
        """No event of a flip can be sent any more."""
        with self._lock:
            self._flips.clear()

    def due_events(self, now_ns: int) -> list[int]:
        """The framebuffers of the flips that are done."""
        with self._lock:
            return self._flips.take_due(now_ns)

    def all_events(self) -> list[int]:
        """The framebuffers of all flips whose events were not sent."""
        with self._lock:
            return self._flips.take_all()

    def due_ns(self) -> int | None:
        with self._lock:
            return self._flips.due_ns()

    def note_request(self, name: str) -> None:
        with self._lock:
            self._messages[name] += 1

    def note_problem(self, evidence: str) -> None:
        """The guest asked for something that cannot be."""
        with self._lock:
            count = 1 if self._problem is None else self._problem.count + 1
            self._problem = SeenProblem(DisplayProblem.BAD_MESSAGE, evidence, count)

    # The consumer's thread:

    def attach(self, changed: Callable[[], None]) -> None:
        """``changed`` is called without a lock when :meth:`frame` would return a new frame or a buffer.

        Raises ValueError if somebody else shows the connector.
        """
        with self._lock:
            if self._changed is not None:
                raise ValueError(f"connector {self.number} of the guest's display is shown already")
            self._changed = changed

    def detach(self) -> list[OwnedBuffer]:
        """The consumer has released everything. The caller releases the returned buffers."""
        with self._lock:
            self._changed = None
            self._picture.renew_buffers()
            return self._picture.retired()

    def frame(self) -> tuple[Frame, list[OwnedBuffer]]:
        """The newest frame, and the buffers of earlier frames: the caller releases them."""
        with self._lock:
            return self._picture.frame(), self._picture.retired()

    def renew_buffers(self) -> list[OwnedBuffer]:
        """Go on with other buffers of the same memory. The caller releases the returned ones."""
        with self._lock:
            self._picture.renew_buffers()
            return self._picture.retired()

    def shown(self, frame: Frame) -> bool:
        """The frame was shown. Whether the guest is to be told now."""
        with self._lock:
            return self._flips.shown(frame.serial)

    def ended(self) -> Status | None:
        """Why no more frames will come; None while some may."""
        with self._lock:
            return self._end

    def display_facts(self) -> DisplayFacts:
        with self._lock:
            problems = [] if self._problem is None else [self._problem]
            if self._paced:
                problems.append(SeenProblem(DisplayProblem.PACED_BY_US, "PG_FLIP waits for its event"))
            return DisplayFacts(
                scanout=self._kind,
                messages=tuple(sorted(self._messages.items())),
                scanouts_skipped=self._picture.scanouts_skipped,
                acknowledged=self._paced,
                problems=tuple(problems),
            )

    def buffer_facts(self) -> tuple[BufferFacts, ...]:
        with self._lock:
            return self._picture.facts()

    def _tell(self) -> None:
        changed = self._changed
        if changed is not None and (self._picture.changed or self._picture.has_retired):
            changed()
