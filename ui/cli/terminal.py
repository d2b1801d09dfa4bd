"""The terminal that a VM may have had as its console."""

import os
import termios
from typing import Any


class Terminal:
    """Standard input's settings, as they are when this is made; nothing where it is no terminal."""

    def __init__(self) -> None:
        self._saved: list[Any] | None
        try:
            self._saved = termios.tcgetattr(0)
        except termios.error:
            self._saved = None

    def restore(self) -> None:
        """Put them back: QEMU does so itself, unless it was killed."""
        try:
            # In the background it would stop this process.
            if self._saved is not None and os.tcgetpgrp(0) == os.getpgrp():
                termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
        except (OSError, termios.error):
            # The terminal is gone.
            return
