"""Messages as QEMU sends them to a listener, through the bytes of the wire."""

import os
from collections.abc import Sequence
from typing import Any

from jeepney import DBusAddress, Message, Parser, new_method_call
from jeepney.fds import FileDescriptor

from app.dbus_display.names import LISTENER, LISTENER_DMABUF2, LISTENER_MAP, LISTENER_PATH

SIGNATURES = {
    "Scanout": "uuuuay",
    "Update": "iiiiuuay",
    "ScanoutMap": "huuuuu",
    "UpdateMap": "iiii",
    "ScanoutDMABUF": "huuuutb",
    "ScanoutDMABUF2": "ahuuuuauauuuuutb",
    "UpdateDMABUF": "iiii",
    "Disable": "",
    "MouseSet": "iii",
    "CursorDefine": "iiiiay",
}
_INTERFACES = {
    "ScanoutMap": LISTENER_MAP,
    "UpdateMap": LISTENER_MAP,
    "ScanoutDMABUF2": LISTENER_DMABUF2,
}
XR24 = 0x2002_0888
"""Pixman's code of what QEMU sends."""


def call(member: str, *body: Any, serial: int = 1, signature: str | None = None, interface: str = "") -> Message:
    """A call as it is received. Each "h" of ``body`` is a fd, which the message takes over."""
    address = DBusAddress(LISTENER_PATH, "org.qemu", interface or _INTERFACES.get(member, LISTENER))
    given = SIGNATURES.get(member, "") if signature is None else signature
    message = new_method_call(address, member, given or None, body if given else ())
    sent: list[Any] = []
    data = message.serialise(serial=serial, fds=sent)
    parser = Parser()
    parser.add_data(data, [FileDescriptor(each) for each in _numbers(sent)])
    received = parser.get_next_message()
    assert received is not None
    return received


def _numbers(sent: Sequence[Any]) -> list[int]:
    return [each if isinstance(each, int) else each.fileno() for each in sent]


def memfd(content: bytes) -> int:
    """The fd of a memfd with these bytes, as QEMU makes it for a map."""
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    return fd
