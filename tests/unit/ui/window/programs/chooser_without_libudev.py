"""The chooser where libudev is not installed: it lists vGPUs all the same."""

import sys
from unittest.mock import patch

from PyQt6.QtWidgets import QApplication

from ui.window.chooser import Chooser

with patch.dict(sys.modules, {"pyudev": None}):
    application = QApplication([])
    chooser = Chooser()
    assert chooser.chosen() is not None
    chooser.done(0)
