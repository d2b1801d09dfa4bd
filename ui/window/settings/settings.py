"""What the window remembers between two runs: ``mdevview/window.ini`` in the XDG configuration directory.

Other programs may write to that file, so it is plain text, and only known keys with valid values count. (QSettings,
which wrote it before, makes the objects that such a file describes, Python's pickles among them.) Settings are a
convenience: no file keeps the window from opening or closing.
"""

import logging
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QStandardPaths

from app.planes.placement import Scaling
from app.text.clean import clean
from ui import private_file
from ui.window.settings.geometry import Geometry

_log = logging.getLogger(__name__)

# The file has less than 200 bytes. The time of configparser grows with the square of a line.
_MAX_BYTES = 4096
# The name that QSettings gives to the section without a name.
_SECTION = "General"
_WORDS: dict[str, dict[str, Scaling | bool]] = {
    "scaling": {each.value: each for each in Scaling},
    "filter": {"linear": True, "nearest": False},
    "maximized": {"true": True, "false": False},
}
# The least and the most of each number. X11 has 16 bits for a coordinate.
_RANGES = {"width": (160, 32767), "height": (120, 32767), "x": (-32768, 32767), "y": (-32768, 32767)}
# QSettings kept Qt's own bytes there.
_OLD_KEYS = frozenset({"geometry"})


@dataclass(frozen=True, slots=True)
class Settings:
    """``smooth`` is linear filtering. ``geometry`` is None where no window was closed yet."""

    scaling: Scaling = Scaling.FIT
    smooth: bool = True
    geometry: Geometry | None = None


def load() -> Settings:
    """The settings of the last run. What is not valid has its default, and one log line says so."""
    file = _file()
    try:
        settings, ignored = parse_settings(private_file.read_own(file, _MAX_BYTES).decode())
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        _log.info("the settings in %s are ignored: %s", file, clean(str(why)))
        return Settings()
    if ignored:
        _log.info("some settings in %s are ignored: %s", file, clean(", ".join(ignored)))
    return settings


def save(settings: Settings) -> None:
    """Save the settings for the next run. A failure is one log line."""
    file = _file()
    try:
        private_file.write_own(file, settings_text(settings).encode())
    except OSError as error:
        _log.info("the settings were not saved: %s: %s", error.filename or file, error.strerror)


def parse_settings(text: str) -> tuple[Settings, tuple[str, ...]]:
    """The settings in a file, and the keys that are not valid. Raises ValueError where it is no such file."""
    parser = RawConfigParser(delimiters=("=",), strict=False, empty_lines_in_values=False)
    try:
        parser.read_string(text)
    except Error as error:
        raise ValueError("it is no INI file") from error
    found = dict(parser[_SECTION]) if parser.has_section(_SECTION) else {}
    read: dict[str, Any] = {key: value for key, text in found.items() if (value := _value(key, text)) is not None}
    geometry = {key: read[key] for key in (*_RANGES, "maximized") if key in read}
    settings = Settings(
        read.get("scaling", Scaling.FIT),
        read.get("filter", True),
        Geometry(**geometry) if {"width", "height"} <= geometry.keys() else None,
    )
    return settings, tuple(sorted(found.keys() - read.keys() - _OLD_KEYS))


def _value(key: str, text: str) -> Scaling | bool | int | None:
    """What the text stands for; None if the key or the text is not known."""
    return _number(key, text) if key in _RANGES else _WORDS.get(key, {}).get(text)


def _number(key: str, text: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5):
        return None
    least, most = _RANGES[key]
    return int(text) if least <= int(text) <= most else None


def settings_text(settings: Settings) -> str:
    """The file with these settings."""
    lines = [
        f"[{_SECTION}]",
        f"scaling={settings.scaling.value}",
        f"filter={'linear' if settings.smooth else 'nearest'}",
    ]
    if (geometry := settings.geometry) is not None:
        lines += [f"{key}={getattr(geometry, key)}" for key in _RANGES]
        lines.append(f"maximized={str(geometry.maximized).lower()}")
    return "\n".join(lines) + "\n"


def _file() -> Path:
    base = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(base) / "mdevview" / "window.ini"
