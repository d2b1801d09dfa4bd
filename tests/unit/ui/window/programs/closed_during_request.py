"""The last window is closed while the helper is waited for: Qt ends its event loops, the nested one as well."""

import os
from unittest.mock import patch

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QWidget

from app.attach.helper_fds import HelperMethod
from app.attach.helper_request import HelperRequest
from app.errors import PermissionDenied
from ui.window.helper_request import WindowAsking

reader, writer = os.pipe()


class NoAnswer(HelperRequest):
    """Nobody answers."""

    def start(self) -> None:
        pass

    def fileno(self) -> int:
        return reader


application, window = QApplication([]), QWidget()
errors: list[PermissionDenied] = []


def ask() -> None:
    QTimer.singleShot(0, window.close)
    try:
        WindowAsking(HelperMethod.AUTO)(4711, None)
    except PermissionDenied as error:
        errors.append(error)


with patch("ui.window.helper_request.HelperRequest", NoAnswer):
    window.show()
    QTimer.singleShot(0, ask)
    QTimer.singleShot(20_000, application.quit)
    application.exec()
assert errors
