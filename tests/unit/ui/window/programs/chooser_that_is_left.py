"""A chooser leaves nothing behind, also where the program ends while it is open: ``python -m ... chosen|ended``."""

import sys
import threading
import time

from PyQt6.QtCore import QEvent, QTimer
from PyQt6.QtWidgets import QWidget

from ui.window.chooser import Chooser, choose_device
from ui.window.qt_application import new_application

application, parent = new_application(), QWidget()


def leave() -> None:
    (chooser,) = parent.findChildren(Chooser)
    if sys.argv[1] == "ended":
        application.exit(1)
    else:
        chooser.reject()


for _ in range(3):
    QTimer.singleShot(0, leave)
    assert choose_device(parent) is None
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
assert not parent.findChildren(Chooser)
end = time.monotonic() + 20
while any(each.name == "screen-list" for each in threading.enumerate()):
    assert time.monotonic() < end, "the host is still scanned"
    time.sleep(0.001)
