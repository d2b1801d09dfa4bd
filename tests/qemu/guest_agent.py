"""The clipboard's part of an agent in a guest, without a guest: it talks to QEMU's vdagent through the VM's COM1.

An agent talks through a virtio port as a rule. A serial port is another front end of the same chardev, and it needs no
driver: a byte is one ``out`` of the processor. Messages are those of spice-protocol's vd_agent.h.
"""

import struct
import time
from collections import deque

from tests.qemu.qtest import QtestClient

OPTIONS = ("-chardev", "qemu-vdagent,id=agent,clipboard=on,mouse=off", "-device", "isa-serial,chardev=agent")
"""For the command line of a VM with qtest."""

_DATA, _STATUS = 0x3F8, 0x3FD
_CLIPBOARD, _CAPABILITIES, _GRAB, _REQUEST, _RELEASE = 4, 6, 7, 8, 9
# By demand, with selections, with serial numbers: as spice-vdagent.
_CAPABLE = 1 << 5 | 1 << 6 | 1 << 17
_TEXT = 1
_PATIENCE_S = 10.0


class GuestAgent:
    """``selection`` is 0 for the clipboard, 1 for the primary selection."""

    def __init__(self, qtest: QtestClient) -> None:
        self._qtest = qtest
        self._chunks = bytearray()
        self._stream = bytearray()
        self._heard: deque[tuple[int, bytes]] = deque()
        # QEMU's first message was cut when the VM's devices were reset: what is left of it comes before an answer.
        self.announce()
        while self._next_byte() is not None:
            pass

    def announce(self) -> None:
        """Tell QEMU what the agent can do. The counts of grabs begin again."""
        self._send(_CAPABILITIES, struct.pack("<II", 1, _CAPABLE))

    def grab(self, serial: int, selection: int = 0) -> None:
        """The user of the guest has copied a text."""
        self._send(_GRAB, struct.pack("<B3xII", selection, serial, _TEXT))

    def ask(self, selection: int = 0) -> None:
        """The user of the guest wants to paste. QEMU answers this when it has the text."""
        self._send(_REQUEST, struct.pack("<B3xI", selection, _TEXT))

    def give(self, text: bytes, selection: int = 0) -> None:
        self._send(_CLIPBOARD, struct.pack("<B3xI", selection, _TEXT) + text)

    def heard_grab(self) -> int:
        """Wait until the other side has copied something; the serial number."""
        return int(struct.unpack_from("<I", self._wait_for(_GRAB), 4)[0])

    def heard_request(self) -> None:
        """Wait until the other side wants the text."""
        self._wait_for(_REQUEST)

    def heard_release(self) -> None:
        """Wait until nobody has the clipboard."""
        self._wait_for(_RELEASE)

    def heard_text(self) -> bytes:
        """Wait for the text that was asked for."""
        return self._wait_for(_CLIPBOARD)[8:]

    def hears(self) -> list[int]:
        """The kinds of messages that have come, and that nobody waited for."""
        self._read()
        return [kind for kind, _ in self._heard]

    def _send(self, kind: int, body: bytes) -> None:
        message = struct.pack("<IIQI", 1, kind, 0, len(body)) + body
        for byte in struct.pack("<II", 1, len(message)) + message:
            self._qtest.command("outb", _DATA, byte)

    def _wait_for(self, wanted: int) -> bytes:
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            self._read()
            while self._heard:
                kind, body = self._heard.popleft()
                if kind == wanted:
                    return body
            time.sleep(0.005)
        raise AssertionError(f"the agent got no message of kind {wanted}")

    def _read(self) -> None:
        while (byte := self._next_byte()) is not None:
            self._chunks.append(byte)
        while (part := _cut(self._chunks, 8)) is not None:
            self._stream += part[8:]
        while (message := _cut(self._stream, 20)) is not None:
            self._heard.append((struct.unpack_from("<I", message, 4)[0], message[20:]))

    def _next_byte(self) -> int | None:
        if not int(self._qtest.command("inb", _STATUS), 16) & 1:
            return None
        return int(self._qtest.command("inb", _DATA), 16)


def _cut(data: bytearray, header: int) -> bytes | None:
    """Take the first part away, once all of it is there. The last word of its header is the size of what follows."""
    if len(data) < header:
        return None
    size = header + int(struct.unpack_from("<I", data, header - 4)[0])
    if len(data) < size:
        return None
    part = bytes(data[:size])
    del data[:size]
    return part
