"""Ends its window by a signal, while Qt's loop runs; then once more with the signal ignored, as nohup wants it."""

import os
import signal
import sys

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QMainWindow

from ui.window.interrupt import Interrupt
from ui.window.qt_application import new_application

number = int(sys.argv[1])
application = new_application()
window = QMainWindow()
window.show()
interrupt = Interrupt(application.closeAllWindows)
QTimer.singleShot(0, lambda: os.kill(os.getpid(), number))
QTimer.singleShot(20_000, lambda: application.exit(1))
assert application.exec() == 0 and not window.isVisible()
assert interrupt.last == number
interrupt.close()
signal.signal(number, signal.SIG_IGN)
window.show()
interrupt = Interrupt(application.closeAllWindows)
os.kill(os.getpid(), number)
for _ in range(10):
    application.processEvents()
assert window.isVisible() and interrupt.last == 0
interrupt.close()
assert signal.getsignal(number) is signal.SIG_IGN
