"""The smallest PyQt6 window with an OpenGL ES surface: what :mod:`tests.bench.memory` compares with.

It draws one colour, and prints a line on standard error once it is on the screen.
"""

import os
import sys

# As ui/window/application.py does.
os.environ.setdefault("QT_XCB_GL_INTEGRATION", "xcb_egl")

from PyQt6.QtGui import QColor, QPainter, QSurfaceFormat
from PyQt6.QtOpenGL import QOpenGLWindow
from PyQt6.QtWidgets import QApplication, QMainWindow, QWidget


class _Picture(QOpenGLWindow):
    def paintGL(self) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), self.height(), QColor("navy"))
        painter.end()


surface = QSurfaceFormat()
surface.setRenderableType(QSurfaceFormat.RenderableType.OpenGLES)
surface.setVersion(3, 0)
QSurfaceFormat.setDefaultFormat(surface)
application = QApplication(["bare"])
window = QMainWindow()
picture = _Picture()
picture.frameSwapped.connect(lambda: print("on the screen", file=sys.stderr, flush=True))
window.setCentralWidget(QWidget.createWindowContainer(picture, window))
window.resize(1024, 700)
window.show()
sys.exit(application.exec())
