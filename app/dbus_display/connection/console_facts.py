"""What a VM tells of itself and of its consoles. All of it comes from QEMU and is not trusted: it is cleaned."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsoleFacts:
    """One console: a head of a display device, or a text console. ``width`` and ``height`` are in pixels.

    ``device_address`` tells the devices of a VM apart ("pci/0000/02.0"), ``head`` the screens of one device.
    """

    number: int
    label: str
    head: int
    graphic: bool
    width: int
    height: int
    device_address: str
    interfaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VmDisplayFacts:
    """``uuid`` is None if the VM has none. ``consoles`` are sorted by number."""

    name: str
    uuid: str | None
    interfaces: tuple[str, ...] = ()
    consoles: tuple[ConsoleFacts, ...] = ()
