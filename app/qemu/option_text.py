"""The texts in which QEMU takes options: ``key=value`` lists, configuration files, ``-set`` and ``-global``.

They are read as util/qemu-option.c, util/qemu-config.c, and system/vl.c and system/qdev-monitor.c of QEMU do. QEMU has
accepted them already, so parts that are invalid are ignored and nothing raises.
"""

import json
import re
from typing import NamedTuple

# The lengths are those of the buffers of qemu_config_foreach(), qemu_set_option() and qemu_global_option().
_GROUP_WITH_ID = re.compile(r'\[(\S{1,63})\s+"([^"]{1,63})')
_GROUP = re.compile(r"\[([^\]]{1,63})")
_VALUE = re.compile(r'\s*([^\s=]{1,63})\s*=\s*"([^"]*)')
_SET = re.compile(r"([^.]{1,63})\.([^.]{1,63})\.([^=]{1,63})=(.*)", re.DOTALL)
_GLOBAL = re.compile(r"([^.=]{1,63})\.([^=]{1,63})=(.*)", re.DOTALL)


class Section(NamedTuple):
    """A group of a configuration file as an option: its name, and its value as QemuOpts takes it."""

    group: str
    value: str


class SetOption(NamedTuple):
    """``-set GROUP.ID.KEY=VALUE``: a further key of the option of that group and id."""

    group: str
    id: str
    key: str
    value: str


class GlobalProperty(NamedTuple):
    """``-global DRIVER.PROPERTY=VALUE``: the default of a property for all devices of a driver."""

    driver: str
    property: str
    value: str


def quoted(value: str) -> str:
    """A value for ``key=`` in a comma-separated list of QEMU: each comma is doubled."""
    return value.replace(",", ",,")


def items(value: str, first: str | None = None) -> list[tuple[str, str]]:
    """The keys and values of ``a=b,c=d``. If the first item has no key, its key is ``first``.

    A key without a value is "on"; with "no" before it, it is "off" (util/qemu-option.c:get_opt_name_value).
    """
    pairs: list[tuple[str, str]] = []
    # A NUL cannot occur in an argument.
    for position, item in enumerate(value.replace(",,", "\0").split(",")):
        key, equals, text = item.replace("\0", ",").partition("=")
        if equals:
            pairs.append((key, text))
        elif position == 0 and first is not None:
            pairs.append((first, key))
        elif key.startswith("no"):
            pairs.append((key.removeprefix("no"), "off"))
        elif key:
            pairs.append((key, "on"))
    return pairs


def json_items(text: str) -> dict[str, str]:
    """The keys and values of an option in JSON, as text; structured values are left out. Empty for another text."""
    try:
        document = json.loads(text)
    # RecursionError: it is nested deeper than QEMU accepts.
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {key: word for key, value in document.items() if (word := _text(value)) is not None}


def _text(value: object) -> str | None:
    match value:
        case bool():
            return "on" if value else "off"
        case str() | int():
            return str(value)
    return None


def pair(key: str, value: str) -> str:
    """``key=value`` for a comma-separated list; empty for a key that such a list cannot have."""
    return "" if "," in key or "=" in key else f"{key}={quoted(value)}"


def sections(text: str) -> list[Section]:
    """The groups of a configuration file (``-readconfig``), in order."""
    found: list[tuple[str, list[str]]] = []
    # A NUL ends a line for QEMU, and no value can have one.
    for line in text.replace("\0", "\n").split("\n"):
        if line.startswith("#"):
            continue
        if match := _GROUP_WITH_ID.match(line):
            found.append((match[1], [pair("id", match[2])]))
        elif match := _GROUP.match(line):
            found.append((match[1], []))
        elif found and (match := _VALUE.match(line)):
            found[-1][1].append(pair(match[1], match[2]))
    return [Section(group, ",".join(filter(None, pairs))) for group, pairs in found]


def set_option(value: str) -> SetOption | None:
    """The value of ``-set``; None for another text. VALUE has no escapes (qemu_set_option())."""
    match = _SET.fullmatch(value)
    return SetOption(match[1], match[2], match[3], match[4]) if match else None


def global_property(value: str) -> GlobalProperty | None:
    """The value of ``-global`` in either form; None for another text. The short one has no escapes."""
    if match := _GLOBAL.fullmatch(value):
        return GlobalProperty(match[1], match[2], match[3])
    words = dict(items(value))
    if not {"driver", "property", "value"} <= words.keys():
        return None
    return GlobalProperty(words["driver"], words["property"], words["value"])
