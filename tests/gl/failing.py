"""A fake clock, and calls and buffers that fail on it until they are told to succeed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.planes.buffer import Strips
from app.planes.change_log import ChangeLog
from app.planes.frame import Frame
from app.planes.outcome import Outcome
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.surfaces import Bytes

MS = 1_000_000
SECOND = 1000 * MS
REFRESH = 10 * MS
# When attempts are made, in milliseconds since the first: the pause doubles from 200 ms up to 5 s.
ATTEMPTS_MS = [0, 200, 600, 1400, 3000, 6200, 11200, 16200]


class Clock:
    """A clock in nanoseconds. A test sets ``now``."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class FailingCall:
    """Stands for a function: raises ``error`` until that is None; ``times`` are when it was called."""

    def __init__(self, clock: Clock, function: Callable[..., object], error: Exception | None) -> None:
        self._clock = clock
        self._function = function
        self.error = error
        self.times: list[int] = []

    def __call__(self, *arguments: object, **named: object) -> object:
        self.times.append(self._clock.now)
        if self.error is not None:
            raise self.error
        return self._function(*arguments, **named)

    @property
    def attempts_ms(self) -> list[int]:
        """Milliseconds of the calls, each once however many calls an attempt makes."""
        return sorted({each // MS for each in self.times})


class FailingBuffer:
    """Memory whose mapping fails with ``error`` until that is None; ``times`` are when it was mapped."""

    def __init__(self, clock: Clock, data: Bytes, error: Exception | None) -> None:
        self._clock = clock
        self._data = data.tobytes()
        self.error = error
        self.times: list[int] = []
        self.serial = -2
        self.changes: ChangeLog | None = None
        self.size = len(self._data)
        self.released = False
        self.dmabuf_fd: int | None = None
        self.inode: int | None = None
        self.exporter: str | None = None
        self.may_vanish = False

    @contextmanager
    def mapping(self, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        self.times.append(self._clock.now)
        if self.error is not None:
            raise self.error
        with memoryview(self._data) as view:
            yield view[start : None if length is None else start + length]

    @contextmanager
    def strips(self, start: int, distance: int, length: int, most: int) -> Iterator[Strips]:
        with self.mapping(start) as memory:
            yield Strips(memory, distance, most)

    @property
    def attempts_ms(self) -> list[int]:
        return sorted({each // MS for each in self.times})


def draw_for(renderer: Renderer, shown: Frame, target: RenderTarget, clock: Clock, duration: int) -> Outcome:
    """Draw one frame at the pace of a display, for so many nanoseconds; the outcome of the primary plane."""
    end = clock.now + duration
    while True:
        outcome = renderer.draw(shown, target).primary
        if clock.now >= end:
            assert outcome is not None
            return outcome
        clock.now += REFRESH
