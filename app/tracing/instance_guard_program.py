"""Removes a trace instance when the program that made it has ended. Run by app/tracing/instance.py.

``python -ISB instance_guard_program.py FOLDER``: standard input is a pipe, whose end means that the program has ended.
It imports nothing of this project.
"""

import os
import signal
import sys
import time
from pathlib import Path

_TRIES = 100
_PAUSE_S = 0.1


def main(folder: str) -> None:
    # It ends by itself. The end of a terminal or of a desktop session must not end it before.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 64):
        pass
    for _ in range(_TRIES):
        try:
            # The kernel stops the events of an instance that is removed.
            Path(folder).rmdir()
        except FileNotFoundError:
            return
        except OSError:
            # Somebody has a file of it open: the program, which is about to end, or a person who looks at it.
            time.sleep(_PAUSE_S)
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1])
