"""Whether a VM has a channel to an agent in its guest that shares the clipboard, by its command line."""

from app.qemu.command_line import CommandLine
from app.qemu.option_text import items

# qapi_bool_parse() in qapi/qapi-util.c.
_ON = ("on", "yes", "true", "y")


def has_clipboard_agent(line: CommandLine) -> bool:
    """Whether there is ``-chardev qemu-vdagent,clipboard=on`` (ui/vdagent.c); True if the command line is not known.

    libvirt writes it for ``<channel type='qemu-vdagent'>`` with ``<clipboard copypaste='yes'/>``.
    """
    if line.reads_config:
        return True
    chardevs = [dict(items(each.value, "backend")) for each in line.options if each.name == "chardev" and each.value]
    return any(each.get("backend") == "qemu-vdagent" and each.get("clipboard") in _ON for each in chardevs)
