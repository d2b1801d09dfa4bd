"""What ``mdevview doctor`` finds on this host, in a dialog. The checks run in a thread, and some in processes."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtWidgets import QWidget

from app.diagnosis.report.host_report import HostReport

if TYPE_CHECKING:
    from ui.window.host_check_dialog import HostCheckDialog

_log = logging.getLogger(__name__)

_TICK_MS = 100
# At the end of the window. The processes of the checks end with this one.
_JOIN_S = 0.5

Examine = Callable[[], HostReport]


class HostCheck(QObject):
    """Owns the dialog, and one thread at a time. No call waits but :meth:`close`."""

    def __init__(self, parent: QWidget, examine: Examine) -> None:
        """``examine`` takes seconds; it is called in the thread."""
        super().__init__(parent)
        self._parent = parent
        self._examine = examine
        self._dialog: HostCheckDialog | None = None
        self._thread: threading.Thread | None = None
        # Another list for each check. It gets the report, or why there is none.
        self._answers: list[HostReport | str] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._look)

    def show(self) -> None:
        """Open the dialog, and check unless that was done already."""
        if self._dialog is None:
            # Few users need it, and it takes time and memory.
            from ui.window.host_check_dialog import HostCheckDialog  # noqa: PLC0415

            self._dialog = HostCheckDialog(self._parent, self._check)
            self._check()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _check(self) -> None:
        assert self._dialog is not None
        if self._thread is not None:
            return
        self._dialog.show_checking()
        answers = self._answers = []
        self._thread = threading.Thread(target=_run, args=(self._examine, answers), name="host-check", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread = None
            self._dialog.show_failure(str(error))
            return
        self._timer.start()

    def _look(self) -> None:
        if self._answers and self._dialog is not None:
            self._timer.stop()
            self._thread = None
            answer = self._answers[0]
            if isinstance(answer, HostReport):
                self._dialog.show_report(answer)
            else:
                self._dialog.show_failure(answer)

    def close(self) -> None:
        """Close the dialog, and wait a short while for the thread. More calls do nothing."""
        self._timer.stop()
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.close()
            dialog.deleteLater()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_JOIN_S)


def _run(examine: Examine, answers: list[HostReport | str]) -> None:
    try:
        answers.append(examine())
    except Exception as error:
        _log.info("the check of this host failed: %s", error)
        answers.append(f"{type(error).__name__}: {error}")
