"""A session that is opened on another thread, brought to Qt's event loop."""

from PyQt6.QtCore import QObject, QSocketNotifier, pyqtSignal
from PyQt6.sip import voidptr

from app.errors import MdevviewError
from app.open.background import BackgroundOpener
from app.open.session import Session
from app.planes.status import Status


class PendingSession(QObject):
    """Owns ``opener`` until the session is opened.

    ``opened`` brings the session, which belongs to the receiver. ``status_changed`` says why there is none yet,
    ``failed`` brings the MdevviewError after which there will be none.
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

    def close(self) -> None:
        """Give up, without a wait: what is opened meanwhile is closed by its thread. More calls do nothing."""
        self._notifier.setEnabled(False)
        self._opener.close()

    def join(self, timeout_s: float) -> None:
        """Wait so long for the thread to end, at the end of the program."""
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
