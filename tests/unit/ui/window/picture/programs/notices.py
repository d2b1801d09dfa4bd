"""Notices with and without a condition: which of them are shown, and when they go."""

import time

from PyQt6.QtCore import QCoreApplication, QObject

from ui.window.picture import notice as notice_module
from ui.window.picture.notice import Notice

# Longer than this program runs: a notice does not go by itself.
notice_module._LEAST_MS = 60_000
application = QCoreApplication([])
parent = QObject()
notice = Notice(parent)
changes: list[str] = []
notice.changed.connect(lambda: changes.append(notice.text))
grabbed = True


def process(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)


def wait_for(text: str) -> None:
    end = time.monotonic() + 20
    while notice.text != text:
        assert time.monotonic() < end, notice.text
        process(0.02)


notice.show("The key releases the keyboard", lambda: grabbed)
process(0.5)
assert notice.text == "The key releases the keyboard", "it is still true"
grabbed = False
wait_for("")
# The condition of the notice before says nothing about the next one, which has none.
notice.show("another", lambda: grabbed)
notice.show("Saved the picture")
process(0.5)
assert notice.text == "Saved the picture"
notice.end()
assert changes == ["The key releases the keyboard", "", "another", "Saved the picture", ""]
assert not notice._check_timer.isActive() and not notice._timer.isActive(), "nothing is left to do"
