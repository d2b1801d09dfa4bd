"""A precise timer fires once, not when it was stopped, also without a fd; and leaves none open."""

import os
import resource
import sys
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QObject, QTimer

from ui.window.picture.precise_timer import PreciseTimer


def fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_active(timer: PreciseTimer) -> bool:
    return timer.active


application = QCoreApplication([])
owner = QObject()
# Qt opens its own fds at the first event.
QTimer.singleShot(0, application.quit)
application.exec()
before = fds()
for with_fd in (True, False):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not with_fd:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    timer, fired = PreciseTimer(owner), list[str]()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (fds() > before) is with_fd
    timer.timeout.connect(lambda: fired.append("fired"))  # noqa: B023
    timer.timeout.connect(application.quit)
    timer.start(60_000_000_000)
    assert is_active(timer) and timer.left_ns() > 50_000_000_000
    # Only the last start counts.
    timer.start(0)
    application.exec()
    assert fired == ["fired"] and not is_active(timer), fired
    timer.start(0)
    timer.stop()
    QTimer.singleShot(50, application.quit)
    application.exec()
    assert fired == ["fired"], fired
    timer.start(0)
    timer.close()
    timer.close()
    timer.start(0)
    assert not is_active(timer)
    QTimer.singleShot(50, application.quit)
    application.exec()
    assert fired == ["fired"] and fds() == before, (fired, os.listdir("/proc/self/fd"))
sys.exit(0)
