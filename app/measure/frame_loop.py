"""The one loop: ask the source, pace, say when a picture is due.

It is pure: whoever runs it brings the clock and the wait. A window calls :meth:`FrameLoop.step` from its event loop,
commands without a window call :meth:`FrameLoop.run` with a wait of their own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.measure.pacing import Pacer
from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.status import Reason, State, Status


@dataclass(frozen=True, slots=True)
class Wait:
    """What to wait for before the next step: a readable ``fd`` (-1 for none) or ``ns`` nanoseconds (None: no limit)."""

    fd: int
    ns: int | None


WaitCall = Callable[[int, int | None], object]
"""Waits until the fd can be read or so many nanoseconds passed, see :class:`Wait`."""


def _ignore(*_arguments: object) -> None:
    pass


class FrameLoop:
    """Owns ``source``. All calls come from one thread; ``clock`` is in nanoseconds.

    ``changed`` is called once for each new frame, ``due`` when a picture should be drawn. ``gone`` is called before
    a source that is gone is closed, with its buffers released: whatever was made from them has to go then, or it would
    block the device's removal and the next start of its VM.
    """

    def __init__(
        self,
        source: FrameSource,
        pacer: Pacer,
        due: Callable[[], object] = _ignore,
        changed: Callable[[Frame], object] = _ignore,
        gone: Callable[[], object] = _ignore,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._source = source
        self._pacer = pacer
        self._due = due
        self._changed = changed
        self._gone = gone
        self._clock = clock
        self._frame = Frame(Status(Reason.NOT_STARTED))
        self._drawn: Frame | None = None
        self._shown: Frame | None = None
        self._redraw_ns: int | None = None
        self._closed = False

    @property
    def frame(self) -> Frame:
        """The frame of the last look at the source."""
        return self._frame

    @property
    def fd(self) -> int:
        """The source's fd to wait for, -1 for none. It may be another one after each look."""
        return -1 if self._closed else self._source.fileno()

    def step(self) -> Wait | None:
        """Look at the source and report. What to wait for before the next step; None when there is no next one."""
        before = self._frame
        frame = self.latest()
        if self._closed:
            if frame is not before:
                self._due()
            return None
        now = self._clock()
        if frame is not before or self._redraw_due(now):
            self._due()
        # What is due may have closed the loop.
        return self._wait(now) if not self._closed else None

    def run(self, wait: WaitCall, finished: Callable[[], bool]) -> None:
        """Step and wait until ``finished`` says so, or there is nothing more to wait for."""
        while not finished():
            pause = self.step()
            if pause is None or finished():
                return
            wait(pause.fd, pause.ns)

    def latest(self) -> Frame:
        """Look at the source now: what is drawn next is then the newest there is."""
        if self._closed:
            return self._frame
        frame = self._source.latest()
        if frame is not self._frame:
            flipped = frame.primary is not self._frame.primary
            self._frame = frame
            self._pacer.changed(self._clock(), flipped=flipped)
            if frame.status.state is State.GONE:
                # Before anybody hears of it: a device held open any longer blocks its VM's next start.
                self._source.release_buffers()
                self._gone()
                self.close()
            self._changed(frame)
        return frame

    def drawn(self, redraw_ns: int | None = None, *, failed: bool = False) -> None:
        """The picture of the last frame was submitted, unless that ``failed``.

        It is due again at ``redraw_ns`` of the clock although nothing changed, for what is tried again then.
        """
        self._drawn = None if failed else self._frame
        self._redraw_ns = redraw_ns
        self._pacer.drawn(self._clock())

    def shown(self) -> None:
        """What was drawn last is on the screen, or was read. The source hears of each frame once."""
        if self._drawn is not None and self._drawn is not self._shown and not self._closed:
            self._shown = self._drawn
            self._source.shown(self._drawn, self._clock())

    def release_buffers(self) -> None:
        """Let go of every buffer of the source."""
        self._source.release_buffers()

    def close(self) -> None:
        """Close the source; more calls do nothing. The last frame stays."""
        if not self._closed:
            self._closed = True
            self._source.close()

    def _redraw_due(self, now: int) -> bool:
        if self._redraw_ns is not None and now >= self._redraw_ns:
            # Due once: a hidden window does not draw now, and draws anyway when it is exposed.
            self._redraw_ns = None
            return True
        polled = not self._source.tells_damage
        return polled and self._frame.primary is not None and self._pacer.redraw_due(now)

    def _wait(self, now: int) -> Wait:
        fd = self.fd
        # Only a source that tells of every change by its fd needs no look at the pacer's pace.
        if fd < 0 or not self._source.tells_damage:
            return Wait(fd, self._pacer.next_poll(now))
        return Wait(fd, None if self._redraw_ns is None else max(0, self._redraw_ns - now))
