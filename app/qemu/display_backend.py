"""Whether a VM was started with QEMU's D-Bus display, by its command line.

QEMU parses ``-display`` by its QAPI type DisplayOptions (parse_display() in system/vl.c): as ``key=value`` list or as
JSON, and the last one replaces those before it. ``-display vnc=`` is an option of its own. ``-nographic`` means
``-display none``. A configuration file has no group for it.
"""

from dataclasses import dataclass

from app.qemu.command_line import CommandLine
from app.qemu.option_text import items, json_items

# qapi_bool_parse() in qapi/qapi-util.c.
_ON = ("on", "yes", "true", "y")
# DisplayGLMode in qapi/ui.json.
_GL = ("on", "core", "es")


@dataclass(frozen=True, slots=True)
class DbusOption:
    """``-display dbus``. ``address`` is the address of the bus, None for the session bus of the VM's user.

    ``p2p``: there is no bus, and clients come through the VM's monitor. ``gl``: QEMU renders with OpenGL, on the GPU of
    ``render_node`` if that is given.
    """

    p2p: bool = False
    address: str | None = None
    gl: bool = False
    render_node: str | None = None


def dbus_option(line: CommandLine) -> DbusOption | None:
    """The D-Bus display of a VM; None if it has another display, or the default one, which is never D-Bus."""
    found = None
    for each in line.options:
        if each.name == "nographic":
            found = None
        elif each.name == "display" and each.value is not None and not each.value.startswith("vnc"):
            found = _dbus(each.value)
    return found


def _dbus(value: str) -> DbusOption | None:
    words = json_items(value) if value.startswith("{") else dict(items(value, "type"))
    if words.get("type") != "dbus":
        return None
    return DbusOption(
        words.get("p2p") in _ON,
        words.get("addr") or None,
        words.get("gl") in _GL,
        words.get("rendernode") or None,
    )
