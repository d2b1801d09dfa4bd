"""A D-Bus connection without a bus, for tests: blocking, with fds, on a socket that the test has.

:func:`authenticate` is the client's side, :func:`accept` the server's, which is QEMU's on each socket. Only messages
come after that. jeepney makes them and reads them.
"""

import array
import itertools
import os
import socket
from contextlib import suppress
from typing import Any

from jeepney import HeaderFields, Message, MessageType, Parser
from jeepney.auth import BEGIN, Authenticator
from jeepney.fds import FileDescriptor, NoFDError
from jeepney.low_level import Endianness, Header

PATIENCE_S = 20.0
_LINE = 4096
_MOST_FDS = 16


class PeerError(Exception):
    """The other side answered with an error: the name of the D-Bus error, and its words."""


def authenticate(peer: socket.socket) -> None:
    """Authenticate to a server on the other end."""
    peer.settimeout(PATIENCE_S)
    steps = Authenticator(enable_fds=True)
    for data in steps:
        peer.sendall(data)
        if not steps.authenticated:
            steps.feed(_line(peer))
    peer.sendall(BEGIN)


def accept(peer: socket.socket) -> None:
    """Be the server that the other end authenticates to, as GLib's GDBusServer does."""
    peer.settimeout(PATIENCE_S)
    zero = peer.recv(1)
    if zero != b"\0":
        raise ConnectionError(f"the authentication began with {zero!r}")
    while (line := _line(peer)) != BEGIN:
        if line.startswith(b"AUTH EXTERNAL"):
            peer.sendall(b"OK 5074ddd1a064ee05bdfac4d06b0924ff\r\n")
        elif line == b"NEGOTIATE_UNIX_FD\r\n":
            peer.sendall(b"AGREE_UNIX_FD\r\n")
        else:
            peer.sendall(b"ERROR\r\n")


def _line(peer: socket.socket) -> bytes:
    """One line, and not a byte of what follows it."""
    line = b""
    while not line.endswith(b"\r\n") and len(line) < _LINE:
        byte = peer.recv(1)
        if not byte:
            raise ConnectionError("the other side closed the connection while it authenticated")
        line += byte
    return line


class Peer:
    """An authenticated connection. It owns the socket."""

    def __init__(self, peer: socket.socket) -> None:
        self.socket = peer
        self._parser = Parser()
        self._serials = itertools.count(1)

    def send(self, message: Message) -> int:
        """Send a message with its fds, which are closed here. Returns its serial number."""
        serial = next(self._serials)
        fds: array.array[int] = array.array("i")
        try:
            data = memoryview(message.serialise(serial, fds))
            sent = socket.send_fds(self.socket, [data], list(fds)) if fds else 0
            self.socket.sendall(data[sent:])
        finally:
            close_fds(message.body)
        return serial

    def receive(self) -> Message:
        """The next message. The caller closes the FileDescriptor objects in it. Raises EOFError at the end."""
        while (message := self._parser.get_next_message()) is None:
            data, fds, _flags, _address = socket.recv_fds(
                self.socket, self._parser.bytes_desired(), _MOST_FDS, socket.MSG_CMSG_CLOEXEC
            )
            if not data:
                raise EOFError
            self._parser.add_data(data, [FileDescriptor(each) for each in fds])
        return message

    def reply_to(self, serial: int) -> Message:
        """The reply to a call; other messages are dropped. Raises PeerError."""
        while True:
            message = self.receive()
            if message.header.fields.get(HeaderFields.reply_serial) == serial:
                if message.header.message_type is MessageType.error:
                    raise PeerError(message.header.fields[HeaderFields.error_name], *message.body)
                return message

    def call(self, path: str, interface: str, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> Any:
        """Call a method, and return the arguments of the reply. Raises PeerError."""
        return self.reply_to(self.send(method_call(path, interface, member, signature, body))).body

    def close(self) -> None:
        self.socket.close()


def method_call(path: str, interface: str, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> Message:
    """A call without a destination, as there is no bus. Nothing is checked: tests send wrong ones too."""
    fields = {HeaderFields.path: path, HeaderFields.interface: interface, HeaderFields.member: member}
    return _message(MessageType.method_call, fields, signature, body)


def method_return(call: Message, signature: str = "", body: tuple[Any, ...] = ()) -> Message:
    fields = {HeaderFields.reply_serial: call.header.serial}
    return _message(MessageType.method_return, fields, signature, body)


def error(call: Message, name: str, text: str) -> Message:
    fields = {HeaderFields.reply_serial: call.header.serial, HeaderFields.error_name: name}
    return _message(MessageType.error, fields, "s", (text,))


def signal(path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]) -> Message:
    fields = {HeaderFields.path: path, HeaderFields.interface: interface, HeaderFields.member: member}
    return _message(MessageType.signal, fields, signature, body)


def _message(kind: MessageType, fields: dict[HeaderFields, Any], signature: str, body: tuple[Any, ...]) -> Message:
    if signature:
        fields[HeaderFields.signature] = signature
    return Message(Header(Endianness.little, kind, 0, 1, -1, -1, fields), body)


def close_fds(values: Any) -> None:
    """Close the fds among the arguments of a message that are still open."""
    for each in values:
        if isinstance(each, FileDescriptor):
            # One that was converted has another owner.
            with suppress(NoFDError):
                each.close()
        elif isinstance(each, list | tuple):
            close_fds(each)


def duplicate(fd: int) -> FileDescriptor:
    """An argument of a message to send: the caller keeps its own fd."""
    return FileDescriptor(os.dup(fd))
