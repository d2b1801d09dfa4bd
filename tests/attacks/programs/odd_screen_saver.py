"""A screen saver that answers, or does what no screen saver should: ``python -m ... KIND``, on the session bus.

It prints "ready", and a line for each call.
"""

import os
import sys
import time
from typing import Any

from PyQt6.QtCore import QCoreApplication, QObject, pyqtClassInfo, pyqtSlot
from PyQt6.QtDBus import QDBusAbstractAdaptor, QDBusConnection

from ui.window.fullscreen.blanking import PATH, SERVICE

# D-Bus's type of the answer, in Qt's words, and the answer.
ANSWERS: dict[str, tuple[str, Any]] = {
    "answers": ("uint", 8),
    "yes": ("bool", True),
    "negative": ("int", -5),
    "gigantic": ("qlonglong", 1 << 60),
    "text": ("QString", "x" * 100_000),
    "fraction": ("double", float("nan")),
    "hangs": ("uint", 8),
    "dies": ("uint", 8),
}
kind = sys.argv[1]


@pyqtClassInfo("D-Bus Interface", SERVICE)  # type: ignore[func-returns-value]
class Adaptor(QDBusAbstractAdaptor):  # type: ignore[misc]
    @pyqtSlot("QString", "QString", result=ANSWERS[kind][0])
    def Inhibit(self, _name: str, _reason: str) -> object:  # noqa: N802
        print("inhibit", flush=True)
        if kind == "hangs":
            time.sleep(60)
        if kind == "dies":
            os._exit(0)
        return ANSWERS[kind][1]


application = QCoreApplication([])
service = QObject()
adaptor = Adaptor(service)
bus = QDBusConnection.sessionBus()
assert bus.registerObject(PATH, service) and bus.registerService(SERVICE)
print("ready", flush=True)
application.exec()
