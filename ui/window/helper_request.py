"""Asking root's helper from a window: the person types a password, and the window lives on meanwhile."""

from functools import partial

from PyQt6.QtCore import QEventLoop, QSocketNotifier, QTimer
from PyQt6.sip import voidptr

from app.attach.helper_fds import HelperMethod, ReceivedFd
from app.attach.helper_request import HelperRequest
from app.errors import OpenFailed, PermissionDenied


class WindowAsking:
    """A ``FdRequest`` that keeps Qt's events going while it waits for its answer.

    Closing the window calls :meth:`give_up`. One question at a time: a second one is refused.
    """

    def __init__(self, way: HelperMethod) -> None:
        self._way = way
        self._loop: QEventLoop | None = None
        self._gave_up = False

    @property
    def under_way(self) -> bool:
        return self._loop is not None

    def __call__(self, pid: int, fd: int | None) -> list[ReceivedFd]:
        """Raises MdevviewError as :func:`app.attach.helper_request.request_fds`, PermissionDenied when given up."""
        if self._gave_up or self._loop is not None:
            raise PermissionDenied(f"process {pid} was not asked for", "answer the question that is open first")
        with HelperRequest(pid, fd, self._way) as asking:
            asking.start()
            self._loop = QEventLoop()
            notifier = QSocketNotifier(voidptr(asking.fileno()), QSocketNotifier.Type.Read)
            notifier.activated.connect(self._loop.quit)
            timer = QTimer()
            timer.setSingleShot(True)
            # How the loop ended. By none of them where Qt ends all loops, as it does after the last window.
            ended: list[str] = []
            for happened, what in ((notifier.activated, "answer"), (timer.timeout, "late")):
                happened.connect(partial(ended.append, what))
                happened.connect(self._loop.quit)
            if asking.limit_s is not None:
                timer.start(round(asking.limit_s * 1000))
            try:
                self._loop.exec()
            finally:
                notifier.setEnabled(False)
                timer.stop()
                self._loop = None
            if self._gave_up or not ended:
                raise PermissionDenied(f"process {pid} was not asked for any more", "the window was closed")
            if "answer" not in ended:
                raise OpenFailed(f"the helper gave no answer in {asking.limit_s:g} s", "try again from a terminal")
            return asking.result()

    def give_up(self) -> None:
        """End a question that is open; later ones are refused."""
        self._gave_up = True
        if self._loop is not None:
            self._loop.quit()
