"""Sessions opened on another thread reach Qt's event loop: ``python -m ... opened|failed|closed``."""

import sys
import threading

from PyQt6.QtCore import QCoreApplication, QTimer

from app.errors import DeviceBusy
from app.open.background import BackgroundOpener
from app.open.opening import open_target
from app.open.session import Session
from app.open.target import Simulated
from app.planes.status import Reason, Status
from ui.window.pending_session import PendingSession


class Opener:
    """Waits until the test lets it go on, then opens a simulated device, or fails."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.sessions: list[Session] = []

    def poll(self) -> Session | Status:
        self.go_on.wait(20)
        if sys.argv[1] == "failed":
            raise DeviceBusy("it is in use", "try again")
        self.sessions.append(open_target(Simulated("gvt,size=64x64")))
        return self.sessions[-1]

    def close(self) -> None:
        pass


application, opener = QCoreApplication([]), Opener()
background = BackgroundOpener(lambda _owner, _cancel_fd: opener)
pending = PendingSession(background)
received: list[object] = []
for signal in (pending.opened, pending.failed):
    signal.connect(received.append)
    signal.connect(application.quit)
QTimer.singleShot(20_000, application.quit)
if sys.argv[1] == "closed":
    pending.close()
    pending.close()
    opener.go_on.set()
    assert background.join(20)
    # Closed by its own thread: nobody is left who could.
    assert opener.sessions[0].source.latest().status.reason is Reason.NOT_STARTED
    sys.exit()
opener.go_on.set()
application.exec()
assert background.join(20)
(result,) = received
if sys.argv[1] == "opened":
    assert isinstance(result, Session) and result.source.latest().primary is not None
    result.close()
else:
    assert isinstance(result, DeviceBusy)
