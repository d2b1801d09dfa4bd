"""Several frame loops on one timer of Qt's event loop."""

import time

from PyQt6.QtCore import QObject, QSocketNotifier, Qt, QTimer, pyqtSignal
from PyQt6.sip import voidptr

from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.loop_group import LoopGroup

_MS = 1_000_000


class QtLoopGroup(QObject):
    """Steps the loops of a :class:`app.measure.loop.loop_group.LoopGroup`.

    ``draw`` fires when the surface should draw.
    """

    draw = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._group = LoopGroup(self.draw.emit)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._step)
        self._notifiers: dict[int, QSocketNotifier] = {}

    def add(self, loop: FrameLoop) -> None:
        """Step this loop from now on."""
        self._group.add(loop)
        self._arm()

    def remove(self, loop: FrameLoop) -> None:
        """Never step this loop again. Call this before its source is closed, because its fd is watched."""
        self._group.remove(loop)
        self.watch()

    def wake(self, loop: FrameLoop) -> None:
        """Step this loop soon."""
        self._group.wake(loop)
        self._arm()

    def retry(self, loop: FrameLoop, at_ns: int | None) -> None:
        """A part of its picture should be drawn again at this time of the monotonic clock."""
        self._group.retry(loop, at_ns)
        self._arm()

    def want_draw(self) -> None:
        """Draw the surface soon."""
        self._group.want_draw()
        self._arm()

    def watch(self) -> None:
        """Watch the fds that the loops have now. Another watcher of one of them may only be made afterwards."""
        fds = self._group.fds
        for fd in self._notifiers.keys() - fds.keys():
            notifier = self._notifiers.pop(fd)
            notifier.setEnabled(False)
            notifier.deleteLater()
        for fd in fds.keys() - self._notifiers.keys():
            notifier = QSocketNotifier(voidptr(fd), QSocketNotifier.Type.Read, self)
            notifier.activated.connect(self._on_readable)
            self._notifiers[fd] = notifier

    def close(self) -> None:
        """Step no loop any more; more calls do nothing."""
        self._group.clear()
        self._timer.stop()
        self.watch()

    def _on_readable(self, fd: int) -> None:
        loop = self._group.fds.get(int(fd))
        if loop is not None:
            self._group.wake(loop)
            self._step()

    def _step(self) -> None:
        self._group.step()
        self.watch()
        self._arm()

    def _arm(self) -> None:
        due = self._group.next_ns()
        if due is None:
            self._timer.stop()
        else:
            self._timer.start(max(0, -(-(due - time.monotonic_ns()) // _MS)))
