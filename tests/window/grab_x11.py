"""Saves the whole X11 screen: ``python -m tests.window.grab_x11 FILE.png``."""

import sys

from PyQt6.QtGui import QGuiApplication

application = QGuiApplication([])
screen = application.primaryScreen()
assert screen is not None
assert screen.grabWindow(0).save(sys.argv[1], "PNG")  # type: ignore[arg-type]
