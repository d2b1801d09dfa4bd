"""What the window remembers between two runs: ``mdevview/window.ini`` in the XDG configuration directory.

Each VM has settings of its own; what the user chose last is where a new one starts. Settings are a convenience: no
file keeps the window from opening or closing. (QSettings, which wrote the file before, makes the objects that such a
file describes, Python's pickles among them.)
"""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QStandardPaths

from app.text.clean import clean
from ui import private_file
from ui.window.settings.settings_text import GENERAL_FIELDS, Settings, SettingsFile, file_text, parse_file

_log = logging.getLogger(__name__)

# A section has at most 400 bytes.
_MAX_BYTES = 65536
_ALL = frozenset(each.name for each in fields(Settings))


def load(subject: str = "") -> Settings:
    """The settings for what a window shows (:mod:`ui.window.settings.subject`); without one, those of no VM.

    A VM that was never shown has what the user chose last for any, but neither the size of that window nor how its
    picture was turned. What is not valid has its default, and one log line says so.
    """
    path = _path()
    try:
        file, ignored = parse_file(private_file.read_own(path, _MAX_BYTES).decode())
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        _tell_once(f"the settings in {path} are ignored: {clean(str(why))}")
        return Settings()
    if ignored:
        _tell_once(f"some settings in {path} are ignored: {clean(', '.join(ignored))}")
    return settings_in(file, subject)


@cache
def _tell_once(text: str) -> None:
    """The file is read for the window, and again for each VM that it shows."""
    _log.info("%s", text)


def save(settings: Settings, subject: str = "", chosen: AbstractSet[str] = _ALL) -> None:
    """Save the settings of what a window showed, for the next one. A failure is one log line.

    ``chosen`` are the fields that the user chose in this window: a VM that was never shown starts with them. What other
    windows saved meanwhile stays.
    """
    path = _path()

    def change(data: bytes) -> bytes:
        try:
            file, _ = parse_file(data.decode())
        except ValueError:
            file = SettingsFile()
        _put(file, settings, subject, chosen)
        return file_text(file).encode()

    try:
        private_file.update_own(path, _MAX_BYTES, change)
    except OSError as error:
        _log.info("the settings were not saved: %s: %s", error.filename or path, error.strerror)


def settings_in(file: SettingsFile, subject: str) -> Settings:
    """The settings for a subject, as :func:`load` gives them."""
    general = dict(file.general)
    if subject:
        general.pop("geometry", None)
    return Settings(**(general | file.subjects.get(subject, {})))


def _put(file: SettingsFile, settings: Settings, subject: str, chosen: AbstractSet[str]) -> None:
    values: dict[str, Any] = {each: getattr(settings, each) for each in _ALL}
    file.general |= {each: values[each] for each in chosen & GENERAL_FIELDS}
    if subject:
        file.subjects.pop(subject, None)
        file.subjects[subject] = values
    else:
        file.general["geometry"] = settings.geometry


def _path() -> Path:
    base = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(base) / "mdevview" / "window.ini"
