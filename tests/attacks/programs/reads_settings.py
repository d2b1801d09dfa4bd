"""Prints the settings of the last run. The folder is $XDG_CONFIG_HOME."""

from ui.window.settings import settings

print(settings.load())
