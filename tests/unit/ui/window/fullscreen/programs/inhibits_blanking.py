"""Asks the screen saver of the session bus as its arguments say: "on", "off", and "wait" for what was asked.

"busy" fails if the answer has come, "lost" and "held" wait for that and tell it, and "die" is a kill. "started" starts
a screen saver, and Qt tells of it before the answers that have come. With "log" before these it prints the log. It
prints whether the screen is not blanked in the end.
"""

import atexit
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from PyQt6.QtCore import QCoreApplication

from ui.window.fullscreen.blanking import SERVICE, Blanking

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
        case "log":
            logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
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
        case "started":
            # It is told here, and not again when it comes from the bus.
            blanking._watcher.serviceOwnerChanged.disconnect()
            saver = subprocess.Popen([sys.executable, "-m", "tests.screen_saver"], stdout=subprocess.PIPE)
            atexit.register(saver.communicate)
            atexit.register(saver.kill)
            assert saver.stdout is not None and saver.stdout.readline() == b"ready\n"
            assert blanking.busy
            blanking._owner_changed(SERVICE, "", ":1.99")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            blanking.inhibit(word == "on")
print(blanking.holds)
