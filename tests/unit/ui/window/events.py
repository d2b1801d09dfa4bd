"""Waiting for what Qt's events bring."""

import time
from collections.abc import Callable

from PyQt6.QtCore import QCoreApplication

_PATIENCE_S = 30.0


def until(done: Callable[[], object], seen: Callable[[], object] = lambda: "it did not come") -> None:
    """Handle events until ``done``. ``seen`` gives what a failure tells."""
    end = time.monotonic() + _PATIENCE_S
    while not done():
        assert time.monotonic() < end, seen()
        QCoreApplication.processEvents()
        time.sleep(0.001)
