"""The text of the settings file: a section ``General``, and one for each VM that was shown.

Other programs may write to that file, so only known keys with valid values count. The reader takes linear time, which
configparser does not: 60 kilobytes of blanks in a line take it half a minute.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.planes.placement import Rotation, Scaling
from ui.window.settings.geometry import Geometry

# The name that QSettings, which wrote this file before, gives to the section without a name.
GENERAL = "General"
# 100 sections of the longest kind have less than the bytes that are read (ui/window/settings/settings.py).
MOST_SUBJECTS = 100
LONGEST_SUBJECT = 200


class PointerMode(Enum):
    """When the host's pointer is shown over the picture. The values are in the settings file."""

    AUTO = "auto"
    """Where the guest draws none."""
    SHOWN = "shown"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Settings:
    """``smooth`` is linear filtering. ``geometry`` is None where no window was closed yet."""

    scaling: Scaling = Scaling.FIT
    smooth: bool = True
    geometry: Geometry | None = None
    rotation: Rotation = Rotation.NONE
    flip_x: bool = False
    flip_y: bool = False
    menu_bar: bool = True
    status_line: bool = True
    pointer: PointerMode = PointerMode.AUTO


@dataclass(slots=True)
class SettingsFile:
    """The values in the file, by the names of the fields of :class:`Settings`.

    ``subjects`` has those of each VM, or of what else was shown (:mod:`ui.window.settings.subject`); the one that was
    saved last is the last.
    """

    general: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, dict[str, Any]] = field(default_factory=dict)


_YES = {"true": True, "false": False}
# The key, the field of Settings, and what each text stands for.
_WORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "scaling": ("scaling", {each.value: each for each in Scaling}),
    "filter": ("smooth", {"linear": True, "nearest": False}),
    "menu-bar": ("menu_bar", _YES),
    "status-line": ("status_line", _YES),
    "pointer": ("pointer", {each.value: each for each in PointerMode}),
    "rotation": ("rotation", {str(each.value): each for each in Rotation}),
    "flip-x": ("flip_x", _YES),
    "flip-y": ("flip_y", _YES),
}
# How one VM's picture is turned says nothing about that of another.
_OF_ONE_SUBJECT = frozenset({"rotation", "flip-x", "flip-y"})
GENERAL_FIELDS = frozenset(name for key, (name, _) in _WORDS.items() if key not in _OF_ONE_SUBJECT)
# The least and the most of each number. X11 has 16 bits for a coordinate.
_RANGES = {"width": (160, 32767), "height": (120, 32767), "x": (-32768, 32767), "y": (-32768, 32767)}
# QSettings kept Qt's own bytes there.
_OLD_KEYS = frozenset({"geometry"})


def parse_file(text: str) -> tuple[SettingsFile, tuple[str, ...]]:
    """What a file says, and the keys and sections that are not valid. Raises ValueError where it is no such file."""
    file, ignored = SettingsFile(), set[str]()
    for name, found in _sections(text).items():
        if name == GENERAL:
            file.general, unknown = _values(found, _WORDS.keys() - _OF_ONE_SUBJECT)
            ignored |= unknown - _OLD_KEYS
        elif not 0 < len(name) <= LONGEST_SUBJECT or not (name.isascii() and name.isprintable()):
            ignored.add(name)
        else:
            file.subjects[name], unknown = _values(found, _WORDS.keys())
            ignored |= unknown
    return file, tuple(sorted(ignored))


def file_text(file: SettingsFile) -> str:
    """The file. The oldest VMs are left out where there are too many."""
    kept = list(file.subjects.items())[-MOST_SUBJECTS:]
    return "\n".join(_section_text(name, values) for name, values in ((GENERAL, file.general), *kept))


def _sections(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    values: dict[str, str] | None = None
    for line in map(str.strip, text.split("\n")):
        if line.startswith("[") and line.endswith("]"):
            # The last one counts, also for the order.
            name = line[1:-1]
            values = found[name] = found.pop(name, {})
            continue
        if not line or line.startswith(("#", ";")):
            continue
        key, separator, value = line.partition("=")
        if not separator or values is None:
            raise ValueError("it is no INI file")
        values[key.strip().lower()] = value.strip()
    return found


def _values(found: dict[str, str], known: AbstractSet[str]) -> tuple[dict[str, Any], set[str]]:
    """The values of a section by their fields, and the keys that are not valid."""
    values: dict[str, Any] = {}
    geometry: dict[str, Any] = {}
    unknown: set[str] = set()
    for key, text in found.items():
        if key in known and text in _WORDS[key][1]:
            values[_WORDS[key][0]] = _WORDS[key][1][text]
        elif key == "maximized" and text in _YES:
            geometry[key] = _YES[text]
        elif key in _RANGES and (number := _number(key, text)) is not None:
            geometry[key] = number
        else:
            unknown.add(key)
    if {"width", "height"} <= geometry.keys():
        values["geometry"] = Geometry(**geometry)
    return values, unknown


def _number(key: str, text: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5):
        return None
    least, most = _RANGES[key]
    return int(text) if least <= int(text) <= most else None


def _section_text(name: str, values: dict[str, Any]) -> str:
    lines = [f"[{name}]"]
    for key, (of_settings, words) in _WORDS.items():
        if of_settings in values:
            lines += [f"{key}={word}" for word, value in words.items() if value == values[of_settings]]
    geometry: Geometry | None = values.get("geometry")
    if geometry is not None:
        lines += [f"{key}={getattr(geometry, key)}" for key in _RANGES]
        lines.append(f"maximized={str(geometry.maximized).lower()}")
    return "\n".join(lines) + "\n"
