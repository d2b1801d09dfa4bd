"""A text of the status line that grows makes no window wider, and no long finding hides it."""

from PyQt6.QtWidgets import QApplication

from app.diagnosis.finding import Finding, Severity
from ui.window.status_line import StatusLine

application = QApplication([])
line = StatusLine()
line.show_picture("1280x720  XR24 LINEAR", "egl-image", "60 fps")
least = line.minimumSizeHint().width()
line.show_picture("1280x720  XR24 LINEAR", "egl-image", "unchanged for 15 s, VM paused")
finding = Finding("vm-paused", Severity.WARNING, "The VM is paused. " * 20, "", "Let it run.")
line.show_state("a VM " * 20, "showing", "keyboard and pointer", finding)
assert line.minimumSizeHint().width() <= least + line.fontMetrics().horizontalAdvance("144 fps"), least
line.resize(1366, line.sizeHint().height())
line.show()
application.processEvents()
activity = line._right[-1]
assert activity.width() >= activity.fontMetrics().horizontalAdvance(activity.text()), activity.width()
assert activity.geometry().right() < line.width()
