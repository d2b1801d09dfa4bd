"""Ways to poll every millisecond in a Qt program: ``python -m tests.bench.wakeups [--seconds 5]``.

Each way polls a simulated device whose guest flips 60 times a second, while Qt's thread also draws for 3 ms in every
16: it keeps the interpreter lock for 1 ms and leaves it for 2 ms, as OpenGL's calls do. Printed are the time from the
last poll that did not see a flip until Qt's thread knows of the flip (the flip itself was later), the polls a second,
and the processor time. The results are in the docstring of ``ui/window/picture/qt_frame_loop.py``.
"""

import argparse
import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PyQt6.QtCore import QCoreApplication, QObject, QSocketNotifier, Qt, QTimer
from PyQt6.sip import voidptr

from app.open.opening import open_target
from app.open.target import Simulated
from app.planes.frame import Frame

_MS = 1_000_000
_CLOCK_MONOTONIC, _TFD_NONBLOCK = 1, 0o4000


class _Way(QObject):
    """Polls the source; :meth:`know` is called in Qt's thread with each new frame."""

    def __init__(self, latest: Callable[[], Frame]) -> None:
        super().__init__()
        self.latest = latest
        self.frame: Frame | None = None
        self.polls = 0
        self.late: list[int] = []

    def poll(self) -> None:
        frame = self.latest()
        self.polls += 1
        if frame is not self.frame:
            self.frame = frame
            self.know(frame)

    def know(self, frame: Frame) -> None:
        if frame.timing is not None:
            self.late.append(time.monotonic_ns() - frame.timing.previous_poll_ns)

    def stop(self) -> None:
        pass


class _Timer(_Way):
    """A QTimer in Qt's thread."""

    def __init__(self, latest: Callable[[], Frame]) -> None:
        super().__init__(latest)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self) -> None:
        self.poll()
        self._timer.start(1)


class _TimerFd(_Way):
    """A timerfd (timerfd_create(2)) that a QSocketNotifier watches."""

    def __init__(self, latest: Callable[[], Frame]) -> None:
        super().__init__(latest)
        libc = ctypes.CDLL(None)
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK)
        spec = (ctypes.c_long * 4)(0, _MS, 0, _MS)
        assert libc.timerfd_settime(self._fd, 0, spec, None) == 0
        self._notifier = QSocketNotifier(voidptr(self._fd), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._tick)

    def _tick(self) -> None:
        os.read(self._fd, 8)
        self.poll()

    def stop(self) -> None:
        self._notifier.setEnabled(False)
        os.close(self._fd)


class _Thread(_Way):
    """A thread that polls, and wakes Qt's thread by an eventfd only for a new frame."""

    def __init__(self, latest: Callable[[], Frame]) -> None:
        super().__init__(latest)
        self._fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._notifier = QSocketNotifier(voidptr(self._fd), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        self._stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            frame = self.latest()
            self.polls += 1
            if frame is not self.frame:
                self.frame = frame
                os.eventfd_write(self._fd, 1)
            time.sleep(0.001)

    def _woken(self) -> None:
        os.eventfd_read(self._fd)
        assert self.frame is not None
        self.know(self.frame)

    def stop(self) -> None:
        self._stopped = True
        self._thread.join()
        self._notifier.setEnabled(False)
        os.close(self._fd)


def _draw() -> None:
    end = time.monotonic() + 0.001
    while time.monotonic() < end:
        pass
    time.sleep(0.002)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    application = QCoreApplication(sys.argv)
    ways: tuple[tuple[str, Any], ...] = (("QTimer", _Timer), ("timerfd", _TimerFd), ("thread and eventfd", _Thread))
    for _ in range(args.rounds):
        for name, kind in ways:
            session = open_target(Simulated("gvt,fps=60,size=64x64"))
            drawing = QTimer()
            drawing.setTimerType(Qt.TimerType.PreciseTimer)
            drawing.timeout.connect(_draw)
            drawing.start(16)
            way = kind(session.source.latest)
            QTimer.singleShot(round(args.seconds * 1000), application.quit)
            used = time.process_time()
            application.exec()
            used = time.process_time() - used
            drawing.stop()
            way.stop()
            session.close()
            late = np.percentile(np.array(way.late) / _MS, (50, 99))
            print(
                f"{name:20} poll before a flip to Qt: median {late[0]:5.2f} ms, 99th percentile {late[1]:5.2f} ms; "
                f"{way.polls / args.seconds:5.0f} polls a second, {100 * used / args.seconds:5.1f} % of a core",
                flush=True,
            )


if __name__ == "__main__":
    main()
