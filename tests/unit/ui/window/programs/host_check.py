"""A check of the host that takes long, one that fails, and a window that is closed meanwhile."""

import threading
import time
from collections.abc import Callable

from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QPushButton, QWidget

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.report.host_report import HostReport
from ui.window.host_check import HostCheck
from ui.window.inspector.wrapped_text import WrappedText
from ui.window.qt_application import new_application

application = new_application()
window = QWidget()
going_on = threading.Event()
threads: list[threading.Thread] = []
failure: list[Exception] = []
FOUND = Finding("vgpu", Severity.INFO, "no <b>vGPU</b> on this host", "seen", "make one")


def examine() -> HostReport:
    threads.append(threading.current_thread())
    going_on.wait(20)
    if failure:
        raise failure[0]
    return HostReport("because there is none", (FOUND,), "the report")


def texts() -> list[str]:
    application.processEvents()
    assert check._dialog is not None
    return [each.toPlainText() for each in check._dialog.findChildren(WrappedText) if each.isVisible()]


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, texts()
        time.sleep(0.01)


def press(text: str) -> None:
    assert check._dialog is not None
    (button,) = (each for each in check._dialog.findChildren(QPushButton) if each.text() == text)
    assert button.isEnabled(), text
    button.click()


check = HostCheck(window, examine)
check.show()
check.show()
assert texts() == ["Checking this host…"]
until(lambda: len(threads) == 1)
assert threads[0] is not threading.main_thread() and len(threads) == 1
going_on.set()
until(lambda: "because there is none" in texts())
assert "Note: no <b>vGPU</b> on this host" in texts() and "Remedy: make one" in texts()
press("Copy &report")
clipboard = QGuiApplication.clipboard()
assert clipboard is not None and clipboard.text() == "the report"

failure.append(OSError("no /proc"))
press("Check &again")
until(lambda: "no /proc" in texts()[0])
failure.clear()
press("Check &again")
until(lambda: "because there is none" in texts())
assert len(threads) == 3

going_on.clear()
press("Check &again")
began = time.monotonic()
check.close()
check.close()
assert time.monotonic() - began < 10, "the window waits for the check"
going_on.set()
for each in threads:
    each.join(20)
application.processEvents()
