"""The frame loop on Qt's event loop."""

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, QSocketNotifier, Qt, QTimer, pyqtSignal
from PyQt6.sip import voidptr

from app.measure.frame_loop import FrameLoop, LoopObserver, Wait
from app.measure.pacing import Pacer
from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.pixel_samples import Look

_MS = 1_000_000


class QtFrameLoop(QObject):
    """Owns ``source`` while it is viewed.

    ``due`` fires when the window should draw, ``frame_changed`` once for each new frame. ``gone`` fires before the
    source of an ended VM is closed: what was made from its buffers must be released then.
    """

    due = pyqtSignal()
    gone = pyqtSignal()
    frame_changed = pyqtSignal(object)

    def __init__(self, source: FrameSource, pacer: Pacer, observer: LoopObserver | None = None) -> None:
        super().__init__()
        self._probe: Callable[[Frame], Look | None] | None = None
        self._loop = FrameLoop(
            source, pacer, self.due.emit, self.frame_changed.emit, self._on_gone, observer=observer, probe=self._look
        )
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._step)
        self._notifier: QSocketNotifier | None = None
        self._visible = True

    @property
    def frame(self) -> Frame:
        return self._loop.frame

    def observe(self, observer: LoopObserver | None) -> None:
        """Tell ``observer`` what the loop does from now on; None for nobody."""
        self._loop.observe(observer)

    def start(self) -> None:
        self._timer.start(0)

    def set_probe(self, probe: Callable[[Frame], Look | None]) -> None:
        """How the pixels of a frame are looked at, see :class:`app.measure.frame_loop.FrameLoop`."""
        self._probe = probe

    def wake(self) -> None:
        """Poll within a millisecond, and fast for a while: the user sent input."""
        self._loop.woken()
        self._hurry(1)

    def set_visible(self, visible: bool) -> None:
        """Whether anybody can see the picture: polls are slow where nobody can."""
        if visible is not self._visible:
            self._visible = visible
            self._loop.set_visible(visible)
            if visible:
                self._hurry(0)

    def latest(self) -> Frame:
        """Get the newest frame from the source. Called just before drawing."""
        frame = self._loop.latest()
        if self._notifier is not None:
            # The source may have closed the fd that is watched.
            self._watch(self._loop.fd)
        return frame

    def drawn(self, redraw_ns: int | None = None, *, failed: bool = False) -> None:
        """See :meth:`app.measure.frame_loop.FrameLoop.drawn`; the clock is the monotonic one."""
        self._loop.drawn(redraw_ns, failed=failed)
        if redraw_ns is None:
            return
        # For a polled source the timer is active already, and mostly fires earlier.
        left = max(1, (redraw_ns - time.monotonic_ns()) // _MS)
        if not self._timer.isActive():
            self._timer.start(left)
        self._hurry(left)

    def shown(self) -> None:
        """The window's last picture was handed to the display."""
        self._loop.shown()

    def release_buffers(self) -> None:
        """Release every buffer of the source."""
        self._loop.release_buffers()

    def close(self) -> None:
        """Stop, and close the source; more calls do nothing."""
        self._timer.stop()
        self._watch(-1)
        self._loop.close()

    def _look(self, frame: Frame) -> Look | None:
        return self._probe(frame) if self._probe is not None else None

    def _hurry(self, ms: int) -> None:
        """Step in ``ms`` milliseconds at the latest, if there is another step at all."""
        if self._timer.isActive() and ms < self._timer.remainingTime():
            self._timer.start(ms)

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
            self._timer.start(max(1, wait.ns // _MS))

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
