"""Opening a session on another thread: the result arrives as a signal of Qt."""

from PyQt6.QtCore import QObject, QSocketNotifier, pyqtSignal
from PyQt6.sip import voidptr

from app.errors import MdevviewError
from app.open.background import BackgroundOpener
from app.open.session import Session
from app.planes.status import Status


class PendingSession(QObject):
    """Owns ``opener`` until the session is opened.

    ``opened`` carries the session, which then belongs to the receiver. ``status_changed`` carries a Status that says
    why there is none yet. ``failed`` carries the MdevviewError because of which there will be none.
    """

    opened = pyqtSignal(object)
    status_changed = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, opener: BackgroundOpener, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._opener = opener
        self._status: Status | None = None
        self._notifier = QSocketNotifier(voidptr(opener.fileno()), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._poll)

    @property
    def status(self) -> Status | None:
        """Why there is no session yet; None before it is known."""
        return self._status

    def close(self) -> None:
        """Stop, without waiting. A session that the thread still opens is closed by it. More calls do nothing."""
        self._notifier.setEnabled(False)
        self._opener.close()

    def join(self, timeout_s: float) -> None:
        """Wait at most ``timeout_s`` seconds until the thread has ended. Called at the end of the program."""
        self._opener.join(timeout_s)

    def _poll(self) -> None:
        try:
            result = self._opener.poll()
        except MdevviewError as error:
            self.close()
            self.failed.emit(error)
            return
        if isinstance(result, Session):
            self.close()
            self.opened.emit(result)
        elif result != self._status:
            self._status = result
            self.status_changed.emit(result)
