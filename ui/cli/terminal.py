"""The settings of the terminal, which a VM may use as its console."""

import os
import termios
from typing import Any


class Terminal:
    """The constructor saves the settings of standard input, if that is a terminal."""

    def __init__(self) -> None:
        self._saved: list[Any] | None
        try:
            self._saved = termios.tcgetattr(0)
        except termios.error:
            self._saved = None

    def restore(self) -> None:
        """Restore the settings. QEMU does this itself, unless it was killed."""
        try:
            # The kernel stops a background process that changes them.
            if self._saved is not None and os.tcgetpgrp(0) == os.getpgrp():
                termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
        except (OSError, termios.error):
            # The terminal is gone.
            return
