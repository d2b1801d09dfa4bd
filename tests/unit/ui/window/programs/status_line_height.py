"""The status line keeps its height while the path of the picture comes and goes, as when a guest sets a mode."""

from PyQt6.QtWidgets import QMainWindow, QWidget

from ui.window.qt_application import new_application
from ui.window.status_line import StatusLine

application = new_application()
window, line, picture = QMainWindow(), StatusLine(), QWidget()
window.setStatusBar(line)
window.setCentralWidget(picture)
window.resize(900, 600)
window.show()
line.show_state("a VM", "showing", "keyboard and pointer")
heights = []
for path in ("", "egl-image", "", "bridge"):
    line.show_picture("1280x720  XR24 LINEAR" if path else "", path, "60 fps" if path else "")
    application.processEvents()
    heights.append(picture.height())
assert len(set(heights)) == 1, heights
