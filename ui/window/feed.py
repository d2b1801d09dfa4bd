"""The feed: polls the device on Qt's event loop and says when a picture is due."""

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, QSocketNotifier, Qt, QTimer, pyqtSignal
from PyQt6.sip import voidptr

from app.measure.pacing import Pacer
from app.planes.frame import Frame
from app.planes.status import State, Status
from app.vfio.poller import Poller

_MS = 1_000_000


class Feed(QObject):
    """Owns the poller while a device is viewed.

    ``poller`` is a poller, or the status that stands for one as long as there is no device. ``due`` fires when the
    window should draw, ``frame_changed`` once per new frame. ``ending`` comes before the last one: whatever was made
    from the device's buffers has to go then. ``watch`` is a fd that gets readable when the VM ends (its pidfd, -1 for
    none): then the device is polled at once, however seldom a still picture is.
    """

    due = pyqtSignal()
    ending = pyqtSignal()
    frame_changed = pyqtSignal(object)

    def __init__(
        self,
        poller: Poller | Status,
        pacer: Pacer,
        clock: Callable[[], int] = time.monotonic_ns,
        watch: int = -1,
    ) -> None:
        super().__init__()
        self._poller = poller if isinstance(poller, Poller) else None
        self._pacer = pacer
        self._clock = clock
        self._frame = poller.frame if isinstance(poller, Poller) else Frame(poller)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._notifier: QSocketNotifier | None = None
        if watch >= 0:
            self._notifier = QSocketNotifier(voidptr(watch), QSocketNotifier.Type.Read, self)
            self._notifier.setEnabled(False)
            self._notifier.activated.connect(self._tick)

    @property
    def frame(self) -> Frame:
        return self._frame

    def start(self) -> None:
        if self._poller is not None:
            self._timer.start(0)
            if self._notifier is not None:
                self._notifier.setEnabled(True)

    def say(self, status: Status) -> None:
        """Another status, while there is no device."""
        if self._poller is None and status != self._frame.status:
            self._frame = Frame(status)
            self.frame_changed.emit(self._frame)
            self.due.emit()

    def release_buffers(self) -> None:
        """Let go of every buffer of the device."""
        if self._poller is not None:
            self._poller.release_buffers()

    def latest(self) -> Frame:
        """Poll now, just before drawing, so that what is drawn is the newest there is."""
        if self._poller is None:
            return self._frame
        frame = self._poller.latest()
        if frame is not self._frame:
            flipped = frame.primary is not self._frame.primary
            self._frame = frame
            self._pacer.changed(self._clock(), flipped=flipped)
            if frame.status.state is State.GONE:
                # Before anybody tells of it: a device held open any longer blocks its removal, and the VM's next start.
                self.ending.emit()
                self._stop_watching()
                self._poller.close()
            self.frame_changed.emit(frame)
        return frame

    def drawn(self) -> None:
        """The window submitted a picture."""
        self._pacer.drawn(self._clock())

    def close(self) -> None:
        """Stop polling and let go of the device; more calls do nothing."""
        self._timer.stop()
        self._stop_watching()
        if self._poller is not None:
            self._poller.close()

    def _stop_watching(self) -> None:
        """Before the fd is closed: its number may be another file's next."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)

    def _tick(self) -> None:
        before = self._frame
        frame = self.latest()
        now = self._clock()
        if frame is not before or (frame.primary is not None and self._pacer.redraw_due(now)):
            self.due.emit()
        if frame.status.state is not State.GONE:
            self._timer.start(max(1, self._pacer.next_poll(now) // _MS))
