"""The messages from a guest's process to its parent: packets of a socket, one of them with a fd."""

import array
import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from enum import Enum

_PACKET = struct.Struct("=IIQ")


class Kind(Enum):
    """What a message tells. The meaning of its two numbers follows."""

    MEMORY = 1
    """There is new guest memory: its number, its size; with its fd."""
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
    """The next message. Raises OSError: ECHILD if the sender has ended, EMFILE if there is no fd left for it."""
    try:
        packet, ancillary, flags, _ = connection.recvmsg(_PACKET.size, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        packet, ancillary, flags = b"", [], 0
    fd = -1
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fd = int.from_bytes(data[:4], sys.byteorder)
    if len(packet) != _PACKET.size:
        raise OSError(errno.ECHILD, "the process of the simulated guest has ended")
    code, number, value = _PACKET.unpack(packet)
    if flags & socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return Message(Kind(code), number, value, fd)
