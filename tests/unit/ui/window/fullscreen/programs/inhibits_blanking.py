"""Asks the screen saver of the session bus as its arguments say: "on", "off", and "wait" for what was asked.

Prints the log, and whether the screen is not blanked in the end.
"""

import logging
import sys
import time

from PyQt6.QtCore import QCoreApplication

from ui.window.fullscreen.blanking import Blanking

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
application = QCoreApplication([])
blanking = Blanking()
for word in sys.argv[1:]:
    start = time.monotonic()
    if word == "wait":
        while blanking.busy and time.monotonic() < start + 20:
            application.processEvents()
            time.sleep(0.01)
    else:
        blanking.inhibit(word == "on")
print(blanking.holds)
