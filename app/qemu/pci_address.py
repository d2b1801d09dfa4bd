"""PCI addresses as users, QEMU's options and sysfs write them."""

import re

_ADDRESS = re.compile(r"(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]")
# QEMU reads the parts with sscanf() and "%x", so they may have fewer digits (hw/vfio/pci.c, hw/core/qdev-properties.c).
_PARTS = re.compile(r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])")
_IN_TEXT = re.compile(rb"(?<![0-9a-f:.])(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?![0-9a-f])", re.IGNORECASE)


def is_pci_address(text: str) -> bool:
    """Whether the text has the form of a PCI address, with or without a domain."""
    return _ADDRESS.fullmatch(text) is not None


def full_address(text: str) -> str:
    """A PCI address with its domain, in lower case, as sysfs has it (pci_setup_device() in drivers/pci/probe.c).

    Another text is only put into lower case.
    """
    parts = _PARTS.fullmatch(text.lower())
    if parts is None:
        return text.lower()
    domain, bus, slot, function = (int(each or "0", 16) for each in parts.groups())
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def addresses_in(command_line: bytes) -> frozenset[str]:
    """The PCI addresses in the bytes of a command line, as sysfs has them."""
    return frozenset(full_address(each.decode()) for each in _IN_TEXT.findall(command_line))
