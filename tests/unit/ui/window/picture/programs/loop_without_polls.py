"""A loop whose source tells of its changes: it follows the source's fd, and rests while nothing is drawn."""

import os
import time

from PyQt6.QtCore import QCoreApplication, QTimer

from app.measure.loop.pacing import Pace, Pacer
from app.planes.buffer import MemoryBuffer
from app.planes.frame import Frame, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from ui.window.picture.qt_frame_loop import QtFrameLoop

_PLANE = Plane(PlaneKind.PRIMARY, Backing.MEMORY, 0x34325258, 0, 4, 4, 16, 64, 0, 0, None, None)


class Source:
    """Has another fd for each frame, and closes the one before."""

    tells_damage = True

    def __init__(self) -> None:
        self.fd = -1
        self.looks = 0
        self.new = False
        self.replace()

    def replace(self) -> None:
        before, self.fd = self.fd, os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if before >= 0:
            os.close(before)
        self.frame = Frame(Status(Reason.OK), Surface(_PLANE, MemoryBuffer(bytes(64))), serial=self.looks)

    def latest(self) -> Frame:
        self.looks += 1
        if self.new:
            self.new = False
            self.replace()
        return self.frame

    def push(self) -> None:
        self.new = True
        os.eventfd_write(self.fd, 1)

    def fileno(self) -> int:
        return self.fd

    def shown(self, frame: Frame, ns: int) -> None:
        pass

    def release_buffers(self) -> None:
        pass

    def close(self) -> None:
        os.close(self.fd)
        self.fd = -1


def wait(milliseconds: int) -> None:
    QTimer.singleShot(milliseconds, application.quit)
    application.exec()


application = QCoreApplication([])
source = Source()
loop = QtFrameLoop(source, Pacer(Pace(), time.monotonic_ns()))
frames: list[Frame] = []
loop.frame_changed.connect(frames.append)
loop.start()
wait(100)
assert len(frames) == 1

# A window draws the frame that is the newest then: that look replaces the fd.
source.new = True
loop.latest()
assert len(frames) == 2
source.push()
wait(200)
assert len(frames) == 3, "the new fd is not watched"

# A picture that is due soon does not wait for what an older one was to be tried again.
due: list[int] = []
loop.due.connect(lambda: due.append(time.monotonic_ns()))
loop.drawn(time.monotonic_ns() + 60_000_000_000)
loop.drawn(time.monotonic_ns() + 50_000_000)
wait(400)
assert len(due) == 1, due

# A hidden window is told once that a picture is due again, and draws nothing.
loop.drawn(time.monotonic_ns() + 50_000_000)
looks = source.looks
wait(400)
assert source.looks - looks < 5, source.looks - looks
loop.close()
