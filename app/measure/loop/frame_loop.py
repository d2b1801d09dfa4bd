"""The frame loop: it polls the source at the right pace, and tells when a picture should be drawn.

It is pure: the clock and the wait are passed in. A window calls :meth:`FrameLoop.step` from its event loop. Commands
without a window call :meth:`FrameLoop.run` with their own wait.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.measure.loop.pacing import Pacer
from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.pixel_samples import Look
from app.planes.status import Reason, State, Status


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for this before the next step: a readable ``fd`` (-1 for none) or ``ns`` nanoseconds (None: no limit)."""

    fd: int
    ns: int | None


WaitCall = Callable[[int, int | None], object]
"""Waits until the fd is readable or the nanoseconds have passed, see :class:`Wait`."""


class LoopObserver(Protocol):
    """Is told what a frame loop does, to measure it. No method raises."""

    def polled(self, start_ns: int, end_ns: int) -> None:
        """The loop polled the source, by its clock. Called before :meth:`found`."""
        ...

    def found(self, frame: Frame) -> None:
        """The poll found a new frame."""
        ...

    def pixels_changed(self, previous_ns: int, seen_ns: int) -> None:
        """A look that ended at ``seen_ns`` found changed pixels in the buffer on the screen.

        The look before at these pixels began at ``previous_ns``. The next picture shows the change.
        """
        ...


def _ignore(*_arguments: object) -> None:
    pass


class FrameLoop:
    """Owns ``source``. All calls come from one thread; ``clock`` is in nanoseconds.

    ``changed`` is called once for each new frame, ``due`` when a picture should be drawn. When the source is gone, its
    buffers are released, then ``gone`` is called, then the source is closed. ``gone`` must release everything that was
    made from the buffers, or it would block the device's removal and the next start of its VM.

    ``probe`` looks at the pixels of a frame that did not change; without it nothing but the pace makes such a frame
    due. It returns None where nothing can be seen yet.
    """

    def __init__(
        self,
        source: FrameSource,
        pacer: Pacer,
        due: Callable[[], object] = _ignore,
        changed: Callable[[Frame], object] = _ignore,
        gone: Callable[[], object] = _ignore,
        clock: Callable[[], int] = time.monotonic_ns,
        observer: LoopObserver | None = None,
        probe: Callable[[Frame], Look | None] | None = None,
    ) -> None:
        self._source = source
        self._pacer = pacer
        self._due = due
        self._changed = changed
        self._gone = gone
        self._clock = clock
        self._observer = observer
        self._probe = probe
        self._frame = Frame(Status(Reason.NOT_STARTED))
        self._drawn: Frame | None = None
        self._shown: Frame | None = None
        self._redraw_ns: int | None = None
        self._closed = False

    @property
    def frame(self) -> Frame:
        """The frame of the last poll."""
        return self._frame

    @property
    def fd(self) -> int:
        """The source's fd to wait for, -1 for none. Each poll may change it."""
        return -1 if self._closed else self._source.fileno()

    @property
    def sees_pixels(self) -> bool:
        """Whether a change of pixels in the buffer on the screen is found: the source tells it, or looks find it."""
        return self._source.tells_damage or (self._probe is not None and self._pacer.pace.steps_down)

    def observe(self, observer: LoopObserver | None) -> None:
        """Tell ``observer`` what the loop does from now on; None for nobody."""
        self._observer = observer

    def step(self) -> Wait | None:
        """Poll the source and call back. Returns the wait before the next step; None if there is no next step."""
        before = self._frame
        frame = self.latest()
        if self._closed:
            if frame is not before:
                self._due()
            return None
        if frame is not before:
            # At once: a look at the pixels would make the new frame late.
            self._due()
        else:
            now = self._clock()
            # Both are asked: a guest whose pixels change stays active.
            looked, redraw = self._pixels_due(now), self._redraw_due(now)
            if looked or redraw:
                self._due()
        now = self._clock()
        # The call of `due` may have closed the loop.
        return self._wait(now) if not self._closed else None

    def run(self, wait: WaitCall, finished: Callable[[], bool]) -> None:
        """Step and wait until ``finished`` returns true, or there is no next step."""
        while not finished():
            pause = self.step()
            if pause is None or finished():
                return
            wait(pause.fd, pause.ns)

    def latest(self) -> Frame:
        """Poll the source now, so that the next picture shows the newest frame."""
        if self._closed:
            return self._frame
        if self._observer is None:
            frame = self._source.latest()
        else:
            began = self._clock()
            frame = self._source.latest()
            self._observer.polled(began, self._clock())
        if frame is not self._frame:
            if self._observer is not None:
                self._observer.found(frame)
            flipped = frame.primary is not self._frame.primary
            self._frame = frame
            since = frame.timing.previous_poll_ns if frame.timing is not None else None
            self._pacer.changed(self._clock(), flipped=flipped, since=since)
            if frame.status.state is State.GONE:
                # Before the callback: a device that stays open any longer blocks its VM's next start.
                self._source.release_buffers()
                self._gone()
                self.close()
            self._changed(frame)
        return frame

    def newest(self) -> Frame:
        """The frame to draw after some time: that of a poll now, unless the interval of polls is fixed."""
        return self.latest() if self._pacer.pace.steps_down else self._frame

    def drawn(self, redraw_ns: int | None = None, *, failed: bool = False) -> None:
        """The picture of the last frame was submitted, unless that ``failed``.

        It is due again at ``redraw_ns`` of the clock even if nothing changes, to retry what failed.
        """
        self._drawn = None if failed else self._frame
        self._redraw_ns = redraw_ns
        self._pacer.drawn(self._clock())

    def woken(self) -> None:
        """Poll at the fastest pace for a while: the user sent input. The caller should also :meth:`step` soon."""
        self._pacer.woken(self._clock())

    def set_visible(self, visible: bool) -> None:
        """Whether anybody can see the picture. If not, nothing is due but a new frame, and polls are slow."""
        self._pacer.set_visible(visible)
        if visible:
            self._pacer.woken(self._clock())

    def shown(self) -> None:
        """The last picture is on the screen, or was read. The source is told once for each frame."""
        if self._drawn is not None and self._drawn is not self._shown and not self._closed:
            self._shown = self._drawn
            self._source.shown(self._drawn, self._clock())

    def release_buffers(self) -> None:
        """Release every buffer of the source."""
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
        return self._may_change() and self._pacer.redraw_due(now, looked_at=self._probe is not None)

    def _may_change(self) -> bool:
        """Whether the guest may draw into the buffer on the screen without our being told."""
        return not self._source.tells_damage and self._frame.primary is not None

    def _pixels_due(self, now: int) -> bool:
        """Look at the pixels if that is due; whether the last picture may lack what was seen."""
        if self._probe is None or not self._may_change() or not self._pacer.probe_due(now):
            return False
        look = self._probe(self._frame)
        ended = self._clock()
        self._pacer.probed(now, ended)
        if look is None:
            return False
        if look.previous_ns is not None:
            self._pacer.pixels_changed(look.seen_ns)
            if self._observer is not None:
                # The guest may have drawn while the look read the pixels.
                self._observer.pixels_changed(look.previous_ns, ended)
        return look.draw

    def _wait(self, now: int) -> Wait:
        fd = self.fd
        # A source whose fd tells every change needs no polls at the pacer's pace.
        if fd < 0 or not self._source.tells_damage:
            return Wait(fd, self._pacer.next_poll(now))
        return Wait(fd, None if self._redraw_ns is None else max(0, self._redraw_ns - now))
