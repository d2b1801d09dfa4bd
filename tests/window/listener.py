"""Calls the methods of a driver, which operates windows in this process, by lines of standard input."""

import io
import json
import sys
from typing import Any, cast

from PyQt6.QtCore import QSocketNotifier
from PyQt6.QtWidgets import QApplication


class Listener:
    """Each line is a JSON list: the name of a method of ``driver``, and its arguments. Its result is printed."""

    def __init__(self, driver: object) -> None:
        self._driver = driver
        # Without a buffer: Qt would not notice lines that are already in it.
        self._lines = io.FileIO(sys.stdin.fileno(), closefd=False)
        self._input = QSocketNotifier(cast("Any", self._lines.fileno()), QSocketNotifier.Type.Read)
        self._input.activated.connect(self._read)

    def _read(self) -> None:
        line = self._lines.readline()
        if not line:
            self._input.setEnabled(False)
            return
        name, *arguments = json.loads(line)
        answer = getattr(self._driver, name)(*arguments)
        # Process the posted events before the next line.
        QApplication.processEvents()
        print(json.dumps(answer), flush=True)
