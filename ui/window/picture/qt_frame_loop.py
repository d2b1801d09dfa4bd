"""The frame loop on Qt's event loop, in the window's thread.

Three ways to poll each millisecond were compared by ``python -m tests.bench.wakeups``, beside a window that draws for
3 ms in 16. Three runs of each, on two cores that other programs kept busy, gave the following. The time until a flip is
known is counted from the last poll that did not see it:

==============================  =================  ==========================  ============
way                             polls a second     a flip is known after (ms)  of a core
==============================  =================  ==========================  ============
QTimer                          339, 223, 326      median 4.5, 4.4, 3.2        14, 9, 12 %
timerfd and QSocketNotifier     416, 543, 686      median 3.8, 3.3, 1.2        14, 15, 16 %
thread that writes to eventfd   403, 497, 515      median 3.5, 2.3, 2.1        12, 14, 16 %
==============================  =================  ==========================  ============

A QTimer has whole milliseconds, which add to the time of each step. A thread must get the interpreter lock for each
poll, from a window that draws, and then the window must get it back: it took no less time than the timerfd, and every
source of frames would need locks. So the loop has no thread, and waits for a timerfd. OpenGL's calls that may wait
release the interpreter lock (:mod:`gl.api`), for the threads that talk to VMs.

**When to draw.** A picture is drawn as soon as a new frame is seen, or if the display is not ready for one, as soon as
it is: Qt then draws with the newest frame, and never has two pictures waiting. To draw at the last moment before the
display's next refresh instead was tried under weston with software rendering, at 144 flips a second, on a machine where
nearly each picture took the display more than a refresh. The age of a picture at the display's next request was 31.8 ms
(median) and 61 ms (99th percentile) at once; 27.1 and 51 ms when the draw waited for 4 ms after the display's request,
29.9 and 75 ms for 7 ms, and 32.8 and 195 ms for 9 ms. The gain is small, and a draw that takes longer than was foreseen
loses a whole refresh.
"""

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, QSocketNotifier, pyqtSignal
from PyQt6.sip import voidptr

from app.input.signed_cursor_source import SentPointer
from app.measure.loop.frame_loop import FrameLoop, LoopObserver, Wait
from app.measure.loop.pacing import Pacer
from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.pixel_samples import Look
from ui.window.picture.precise_timer import PreciseTimer


class QtFrameLoop(QObject):
    """Owns ``source`` while it is viewed.

    ``due`` fires when the window should draw, ``frame_changed`` once for each new frame. ``gone`` fires before the
    source of an ended VM is closed: what was made from its buffers must be released then.
    """

    due = pyqtSignal()
    gone = pyqtSignal()
    frame_changed = pyqtSignal(object)

    def __init__(
        self,
        source: FrameSource,
        pacer: Pacer,
        observer: LoopObserver | None = None,
        pointer: SentPointer | None = None,
    ) -> None:
        super().__init__()
        self.pointer = pointer or SentPointer()
        """Where the user's pointer was sent in the guest that ``source`` shows."""
        self._probe: Callable[[Frame], Look | None] | None = None
        self._loop = FrameLoop(
            source, pacer, self.due.emit, self.frame_changed.emit, self._on_gone, observer=observer, probe=self._look
        )
        self._timer = PreciseTimer(self)
        self._timer.timeout.connect(self._step)
        self._notifier: QSocketNotifier | None = None
        self._visible = True

    @property
    def frame(self) -> Frame:
        return self._loop.frame

    @property
    def sees_pixels(self) -> bool:
        """See :attr:`app.measure.loop.frame_loop.FrameLoop.sees_pixels`."""
        return self._loop.sees_pixels

    def observe(self, observer: LoopObserver | None) -> None:
        """Tell ``observer`` what the loop does from now on; None for nobody."""
        self._loop.observe(observer)

    def start(self) -> None:
        self._timer.start(0)

    def set_probe(self, probe: Callable[[Frame], Look | None]) -> None:
        """How the pixels of a frame are looked at, see :class:`app.measure.loop.frame_loop.FrameLoop`."""
        self._probe = probe

    def wake(self) -> None:
        """Poll at once, and fast for a while: the user sent input."""
        self._loop.woken()
        self._hurry()

    def set_visible(self, visible: bool) -> None:
        """Whether anybody can see the picture: polls are slow where nobody can."""
        if visible is not self._visible:
            self._visible = visible
            self._loop.set_visible(visible)
            if visible:
                self._hurry()

    def latest(self) -> Frame:
        """Get the newest frame from the source."""
        return self._watched(self._loop.latest())

    def newest(self) -> Frame:
        """The frame to draw now, see :meth:`app.measure.loop.frame_loop.FrameLoop.newest`."""
        return self._watched(self._loop.newest())

    def _watched(self, frame: Frame) -> Frame:
        if self._notifier is not None:
            # The source may have closed the fd that is watched.
            self._watch(self._loop.fd)
        return frame

    def drawn(self, redraw_ns: int | None = None, *, failed: bool = False) -> None:
        """See :meth:`app.measure.loop.frame_loop.FrameLoop.drawn`; the clock is the monotonic one."""
        self._loop.drawn(redraw_ns, failed=failed)
        if redraw_ns is None:
            return
        # For a polled source the timer is active already, and mostly fires earlier.
        left = max(0, redraw_ns - time.monotonic_ns())
        if not self._timer.active or left < self._timer.left_ns():
            self._timer.start(left)

    def shown(self) -> None:
        """The window's last picture was handed to the display."""
        self._loop.shown()

    def release_buffers(self) -> None:
        """Release every buffer of the source."""
        self._loop.release_buffers()

    def close(self) -> None:
        """Stop, and close the source; more calls do nothing."""
        self._timer.close()
        self._watch(-1)
        self._loop.close()

    def _look(self, frame: Frame) -> Look | None:
        return self._probe(frame) if self._probe is not None else None

    def _hurry(self) -> None:
        """Step at once, if there is another step at all."""
        if self._timer.active:
            self._timer.start(0)

    def _on_gone(self) -> None:
        self.gone.emit()
        self._timer.stop()
        self._watch(-1)

    def _step(self) -> None:
        wait = self._loop.step()
        if wait is not None:
            self._arm(wait)

    def _arm(self, wait: Wait) -> None:
        self._watch(wait.fd)
        if wait.ns is not None:
            self._timer.start(wait.ns)

    def _watch(self, fd: int) -> None:
        """Watch only this fd, -1 for none. Ends before the fd is closed, as another file may get its number."""
        watched = self._notifier.socket() if self._notifier is not None else -1
        if int(watched) == fd:
            return
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None
        if fd >= 0:
            self._notifier = QSocketNotifier(voidptr(fd), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._step)
