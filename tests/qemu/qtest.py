"""A client of QEMU's qtest socket: it does to a VM's ports and memory what the VM's processor would do.

The protocol is described in QEMU's system/qtest.c.
"""

import socket
from pathlib import Path

_PATIENCE_S = 120.0
_CONFIG_ADDRESS, _CONFIG_DATA = 0xCF8, 0xCFC


class QtestClient:
    """Commands of one line, each answered by one line."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(_PATIENCE_S)
            self._socket.connect(str(path))
        except BaseException:
            self._socket.close()
            raise
        self._lines = self._socket.makefile("rb")

    def command(self, *words: str | int) -> str:
        """What QEMU says after OK."""
        line = " ".join(hex(each) if isinstance(each, int) else each for each in words)
        self._socket.sendall(line.encode() + b"\n")
        # Interrupts are told in lines between.
        while (answer := self._lines.readline().decode().strip()).startswith("IRQ"):
            pass
        assert answer.startswith("OK"), f"{line}: {answer}"
        return answer.removeprefix("OK").strip()

    def read(self, address: int, size: int) -> int:
        """A register of 1, 2 or 4 bytes in the VM's address space."""
        return int(self.command(f"read{_LETTERS[size]}", address), 16)

    def write(self, address: int, size: int, value: int) -> None:
        self.command(f"write{_LETTERS[size]}", address, value)

    def config_read(self, slot: int, offset: int, size: int) -> int:
        """A register of the configuration space of the device in this slot of the first PCI bus."""
        self.command("outl", _CONFIG_ADDRESS, _config(slot, offset))
        return int(self.command(f"in{_LETTERS[size]}", _CONFIG_DATA + offset % 4), 16)

    def config_write(self, slot: int, offset: int, size: int, value: int) -> None:
        self.command("outl", _CONFIG_ADDRESS, _config(slot, offset))
        self.command(f"out{_LETTERS[size]}", _CONFIG_DATA + offset % 4, value)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


_LETTERS = {1: "b", 2: "w", 4: "l"}


def _config(slot: int, offset: int) -> int:
    return 1 << 31 | slot << 11 | offset & 0xFC
