"""The settings of a window that shows no VM, and their text in window.ini."""

from ui.window.settings.settings import settings_in
from ui.window.settings.settings_text import GENERAL_FIELDS, Settings, SettingsFile, file_text, parse_file


def parse_settings(text: str) -> tuple[Settings, tuple[str, ...]]:
    """The settings in a file, and what is not valid. Raises ValueError where it is no such file."""
    file, ignored = parse_file(text)
    return settings_in(file, ""), ignored


def settings_text(settings: Settings) -> str:
    """A file with these settings."""
    return file_text(SettingsFile({each: getattr(settings, each) for each in (*GENERAL_FIELDS, "geometry")}))
