"""Saves the settings of many VMs, one after the other: ``python -m ... NUMBER COUNT``."""

import sys

from ui.window.settings import settings
from ui.window.settings.settings_text import Settings

for each in range(int(sys.argv[2])):
    settings.save(Settings(flip_x=True), f"VM {sys.argv[1]}-{each}", set())
