"""A driver of bochs-display without a guest, over qtest. QEMU copies its video memory into its messages.

Registers are those of docs/specs/standard-vga.rst of QEMU.
"""

from tests.qemu.qtest import QtestClient

_MEMORY, _REGISTERS = 0xE800_0000, 0xE900_0000
_DISPI = 0x500
_XRES, _YRES, _BITS, _ENABLE = 1, 2, 3, 4
_ENABLED, _LINEAR = 0x01, 0x40


class BochsDisplay:
    """The device in this slot of the first PCI bus ("addr=2"). ``qtest`` is the caller's."""

    def __init__(self, qtest: QtestClient, slot: int = 2) -> None:
        self._qtest = qtest
        self.size = (0, 0)
        qtest.config_write(slot, 0x10, 4, _MEMORY)
        qtest.config_write(slot, 0x18, 4, _REGISTERS)
        memory = 2
        qtest.config_write(slot, 0x04, 2, memory)

    def set_mode(self, width: int, height: int) -> None:
        """Show the beginning of the video memory, with 32 bits a pixel."""
        self.size = (width, height)
        for register, value in ((_ENABLE, 0), (_XRES, width), (_YRES, height), (_BITS, 32)):
            self._set(register, value)
        self._set(_ENABLE, _ENABLED | _LINEAR)

    def fill(self, value: int) -> None:
        """Make every byte of the picture this one."""
        width, height = self.size
        self._qtest.command("memset", _MEMORY, width * height * 4, value)

    def _set(self, register: int, value: int) -> None:
        self._qtest.write(_REGISTERS + _DISPI + 2 * register, 2, value)
