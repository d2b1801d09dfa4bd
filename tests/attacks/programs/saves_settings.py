"""Saves the settings of many VMs, one after the other: ``python -m ... NUMBER COUNT``."""

import sys

from ui import private_file
from ui.window.settings import settings
from ui.window.settings.settings_text import Settings

# The machine of the tests may be busy.
private_file.LOCK_S = 60.0
for each in range(int(sys.argv[2])):
    settings.save(Settings(flip_x=True), f"VM {sys.argv[1]}-{each}", set())
