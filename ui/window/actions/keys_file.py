"""The keys that the user changed: ``mdevview/keys.ini`` in the XDG configuration directory.

A line ``action=key`` sets the key of an action, ``action=key; key`` sets two, and ``action=`` leaves it without one.
Actions that are not in the file have their defaults. Keys are written as Qt writes them: ``Ctrl+Alt+Return``,
``Meta+F11``, ``Ctrl+Alt+,``. The dialog of the Help menu writes this file.

Others may write to it, so only known actions with keys that they can have count (:mod:`ui.window.actions.key_rules`).
No file keeps a window from opening.
"""

import logging
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from pathlib import Path

from PyQt6.QtCore import QStandardPaths
from PyQt6.QtGui import QKeySequence

from app.text.clean import clean
from ui import private_file
from ui.window.actions import key_rules
from ui.window.actions.actions import KEYED, plain_text

_log = logging.getLogger(__name__)

# A line for every action is less. The time of configparser grows with the square of a line.
_MAX_BYTES = 8192
_SECTION = "Keys"
_MOST_KEYS = 4
_ABOUT = """\
# Keys of mdevview's windows. "action=key" or "action=key; key"; "action=" for no key.
# Only what differs from the defaults is here. Help > Keys changes it, and shows every action.
"""


def load() -> dict[str, tuple[str, ...]]:
    """The keys of the actions whose keys the user changed. What is not valid is left out, and one log line says so."""
    file = _file()
    try:
        keys, ignored = parse_keys(private_file.read_own(file, _MAX_BYTES).decode())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        _log.info("the keys in %s are ignored: %s", file, clean(str(why)))
        return {}
    if ignored:
        _log.info("some keys in %s are ignored: %s", file, clean("; ".join(ignored)))
    return keys


def save(keys: Mapping[str, tuple[str, ...]]) -> str:
    """Save the keys of all actions for the next run. Returns why that failed, empty where it did not."""
    file = _file()
    try:
        private_file.write_own(file, keys_text(keys).encode())
    except OSError as error:
        _log.info("the keys were not saved: %s: %s", error.filename or file, error.strerror)
        return f"The keys were not saved: {error.strerror}"
    return ""


def parse_keys(text: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """The keys in a file, and what of it does not count, in words. Raises ValueError where it is no such file.

    A key of the file that another action has by default is taken from it. Of two actions of the file with the same key,
    the first in the table of actions has it. The ways back from the guest never lose their last key.
    """
    parser = RawConfigParser(delimiters=("=",), strict=False, empty_lines_in_values=False)
    try:
        parser.read_string(text)
    except Error as error:
        raise ValueError("it is no INI file") from error
    found = dict(parser[_SECTION]) if parser.has_section(_SECTION) else {}
    known = {each.key: each.shortcuts for each in KEYED}
    ignored = [f"{each} is no action" for each in sorted(found.keys() - known.keys())]
    keys: dict[str, tuple[str, ...]] = {}
    for action in (each for each in known if each in found):
        value = _keys_of(found[action], keys, ignored)
        if value is not None:
            keys[action] = value
    taken = {key for each in keys.values() for key in each}
    for action in known.keys() - keys.keys():
        kept = tuple(each for each in known[action] if each not in taken)
        if kept != known[action]:
            keys[action] = kept
    while lacks := key_rules.without_way_back(known | keys):
        action = lacks[0]
        ignored.append(f"{action} needs a key with Ctrl, Alt or Meta, and has its default")
        for other, has in keys.items():
            keys[other] = tuple(each for each in has if each not in known[action])
        keys.pop(action, None)
    return keys, tuple(ignored)


def _keys_of(text: str, others: Mapping[str, tuple[str, ...]], ignored: list[str]) -> tuple[str, ...] | None:
    """The keys that a line of the file names; None if it names some and the action can have none of them."""
    named = [each.toString() for each in QKeySequence.listFromString(text)] if text else []
    good: list[str] = []
    for each in named[:_MOST_KEYS]:
        why = key_rules.problem(each) if each else f"{text} is no key"
        other = key_rules.owner(each, others)
        if not why and other:
            why = f"{each} is the key of {other}"
        if why:
            ignored.append(why)
        elif each not in good:
            good.append(each)
    return tuple(good) if good or not named else None


def keys_text(keys: Mapping[str, tuple[str, ...]]) -> str:
    """The file with these keys: those that differ from the defaults."""
    lines = [_ABOUT, f"[{_SECTION}]"]
    for spec in KEYED:
        if keys[spec.key] != spec.shortcuts:
            value = QKeySequence.listToString([QKeySequence(each) for each in keys[spec.key]])
            lines += [f"# {plain_text(spec)}", f"{spec.key}={value}"]
    return "\n".join(lines) + "\n"


def _file() -> Path:
    base = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(base) / "mdevview" / "keys.ini"
