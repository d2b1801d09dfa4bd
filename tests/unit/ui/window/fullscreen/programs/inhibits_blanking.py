"""Asks the screen saver of the session bus as its arguments say: "on", "off", and "wait" for what was asked.

"busy" fails if the answer has come, "lost" and "held" wait for that and tell it, and "die" is a kill. Prints the log,
and whether the screen is not blanked in the end.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable

from PyQt6.QtCore import QCoreApplication

from ui.window.fullscreen.blanking import Blanking

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
application = QCoreApplication([])
blanking = Blanking()


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        application.processEvents()
        time.sleep(0.01)


for word in sys.argv[1:]:
    match word:
        case "wait":
            until(lambda: not blanking.busy)
        case "busy":
            assert blanking.busy
        case "lost":
            until(lambda: not blanking.holds)
            print(word, flush=True)
        case "held":
            until(lambda: blanking.holds)
            print(word, flush=True)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            blanking.inhibit(word == "on")
print(blanking.holds)
