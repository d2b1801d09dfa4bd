"""A text of the status line that grows makes no window wider, and no long finding hides it."""

from PyQt6.QtWidgets import QMainWindow

from app.diagnosis.finding import Finding, Severity
from ui.window.qt_application import new_application
from ui.window.status_line import StatusLine

application = new_application()
window, line = QMainWindow(), StatusLine()
window.setStatusBar(line)
window.show()
widths = []
for text in ("144 fps", "unchanged for 15 s, VM paused"):
    line.show_picture("1280x720  XR24 LINEAR", "egl-image", text)
    application.processEvents()
    window.resize(1, 1)
    application.processEvents()
    widths.append(window.width())
assert widths[0] == widths[1] > 100, widths

finding = Finding("vm-paused", Severity.WARNING, "The VM is paused. " * 20, "", "Let it run.")
line.show_state("a VM " * 20, "showing", "keyboard and pointer", finding)
window.resize(1366, 768)
application.processEvents()
activity = line._activity
assert activity.width() >= activity.fontMetrics().horizontalAdvance(activity.text()), activity.width()
assert activity.geometry().right() < line.width() == 1366
