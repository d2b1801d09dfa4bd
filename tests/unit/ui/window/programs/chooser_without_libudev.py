"""The chooser where libudev is not installed: it lists vGPUs all the same, from a scan on another thread."""

import sys
import threading
from unittest.mock import patch

from PyQt6.QtCore import QTimer

from app.host import scan
from ui.window.chooser import Chooser
from ui.window.qt_application import new_application

scanned_by: list[str] = []
take = scan.HostScan.take


def noted(*arguments: object) -> scan.HostScan:
    scanned_by.append(threading.current_thread().name)
    return take(*arguments)  # type: ignore[arg-type]


with patch.dict(sys.modules, {"pyudev": None}), patch.object(scan.HostScan, "take", noted):
    application = new_application()
    chooser = Chooser()
    assert chooser.chosen() is None
    chooser._tree.itemSelectionChanged.connect(application.quit)
    QTimer.singleShot(20_000, application.quit)
    application.exec()
    assert chooser.chosen() is not None
    chooser.done(0)
    assert chooser._screens.join(20)
assert scanned_by == ["screen-list"], scanned_by
