"""The messages between a guest's process and its parent: packets of a socket. Those to the parent may bring a fd."""

import array
import errno
import socket
import struct
import sys
from dataclasses import dataclass
from enum import Enum

_PACKET = struct.Struct("=IIQ")
_REQUEST = struct.Struct("=I")


class Kind(Enum):
    """What a message tells. The meaning of its two numbers follows."""

    MEMORY = 1
    """There is guest memory: its number, its size; with its fd, unless the receiver had no fd left."""
    FREED = 2
    """The guest uses the memory of that number no more."""
    READY = 3
    """The guest shows its first picture. The time at which it was opened."""
    FAILED = 4
    """The guest cannot go on: an errno."""


@dataclass(frozen=True, slots=True)
class Message:
    """``fd`` is the receiver's to close; -1 for none."""

    kind: Kind
    number: int = 0
    value: int = 0
    fd: int = -1


def send(connection: socket.socket, message: Message) -> None:
    """Send a message. Raises OSError."""
    packet = _PACKET.pack(message.kind.value, message.number, message.value)
    fds = array.array("i", [message.fd] if message.fd >= 0 else [])
    connection.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])


def receive(connection: socket.socket) -> Message:
    """The next message. Raises OSError: ECHILD if the sender has ended."""
    try:
        packet, ancillary, _, _ = connection.recvmsg(_PACKET.size, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        packet, ancillary = b"", []
    fd = -1
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fd = int.from_bytes(data[:4], sys.byteorder)
    if len(packet) != _PACKET.size:
        raise OSError(errno.ECHILD, "the process of the simulated guest has ended")
    code, number, value = _PACKET.unpack(packet)
    return Message(Kind(code), number, value, fd)


def request_memory(connection: socket.socket, number: int) -> None:
    """Ask the guest's process to send this memory again. Raises OSError."""
    connection.send(_REQUEST.pack(number))


def request_mode(connection: socket.socket) -> None:
    """Tell the guest's process that another mode is wanted. Raises OSError."""
    connection.send(_REQUEST.pack(0))


def receive_request(connection: socket.socket) -> int | None:
    """The number of the memory to send again; 0 if another mode is wanted, None if the parent has ended."""
    try:
        packet = connection.recv(_REQUEST.size)
    except ConnectionResetError:
        return None
    return int(_REQUEST.unpack(packet)[0]) if packet else None
