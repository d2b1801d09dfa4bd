"""D-Bus messages to and from bytes: jeepney's parser, with what it leaves to its caller when the sender is hostile.

jeepney reads what a message claims. Here the claims get limits first: sizes, the depth of variants inside variants,
types without a size (an array of them never ends), and big arrays of small things, which would take gigabytes.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from jeepney import (
    DBusAddress,
    FileDescriptor,
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
)
from jeepney.low_level import Array, Endianness, FixedType, Header, Struct, Variant, calc_msg_size, parse_signature

FIXED_PART = 16
"""Bytes. From so many, a message's size is known."""

LARGEST = 1 << 27
"""Bytes of a message (D-Bus specification, "Message Format"). An 8K picture by value has 132 MB, and fits."""

MOST_FDS = 8
"""In one message. ScanoutDMABUF2 has one for each plane: four at most."""

# A message has a path, an interface, a member and a signature: some hundred bytes.
_LARGEST_HEADER = 1 << 14
# A message of more bytes has arrays of bytes only. To read a value takes some microseconds, and the window waits for
# that; what a VM tells of itself has some hundred bytes.
_LARGEST_MIXED = 1 << 16
_FLAT = re.compile(r"(?:[ybnqiuxtdhs]|ay)*")
# The specification allows 32 arrays and 32 structs in each other.
_DEEPEST = 64
_BYTE = FixedType(1, "B")
# What jeepney raises for bytes that are no message. RecursionError: a type inside a type inside a type.
_INVALID = (ValueError, LookupError, TypeError, AssertionError, struct.error, RecursionError, OverflowError)


class WireError(Exception):
    """The other side sent what cannot be understood, or the connection has ended. The words say why."""


class NotDbus(WireError):
    """What answered the authentication is no server of D-Bus."""


class _Bytes(Array):  # type: ignore[misc]
    """An array of bytes that is not copied."""

    def parse_data(self, buf: memoryview, pos: int, endianness: Any, fds: Sequence[Any] = ()) -> tuple[memoryview, int]:
        length, pos = self.length_type.parse_data(buf, pos, endianness)
        if pos + length > len(buf):
            raise ValueError("an array goes past the message's end")
        return memoryview(buf)[pos : pos + length].toreadonly(), pos + length


class _Variant(Variant):  # type: ignore[misc]
    def __init__(self, depth: int) -> None:
        self._depth = depth

    def parse_data(self, buf: Any, pos: int, endianness: Any, fds: Sequence[Any] = ()) -> tuple[tuple[str, Any], int]:
        length = buf[pos]
        signature = bytes(buf[pos + 1 : pos + 1 + length]).decode("ascii")
        if buf[pos + 1 + length] != 0:
            raise ValueError("a signature does not end")
        value, pos = _one_type(signature, self._depth + 1).parse_data(buf, pos + 2 + length, endianness, fds=fds)
        return (signature, value), pos


def size_of(first: bytes | bytearray) -> int:
    """The size in bytes of the message that begins with these 16 bytes. Raises :class:`WireError`."""
    try:
        size = int(calc_msg_size(bytes(first)))
    except _INVALID:
        raise WireError("this is no D-Bus message") from None
    (header,) = struct.unpack_from("<I" if first[0:1] == b"l" else ">I", first, 12)
    if header > _LARGEST_HEADER or size > LARGEST:
        raise WireError(f"a message of {size} bytes is too large")
    return size


def parse(data: bytearray, fds: list[FileDescriptor]) -> Message:
    """A whole message. Raises :class:`WireError`; the caller closes ``fds`` then.

    Arrays of bytes are read-only memoryviews of ``data``. Each fd that an argument names is named once.
    """
    try:
        return _parse(data, fds)
    except _INVALID as error:
        raise WireError(f"a message that cannot be read: {type(error).__name__}") from None


def _parse(data: bytearray, fds: list[FileDescriptor]) -> Message:
    (length,) = struct.unpack_from("<I" if data[0:1] == b"l" else ">I", data, 12)
    header, position = _header(bytes(data[: FIXED_PART + length]))
    if position != FIXED_PART + length or header.protocol_version != 1 or header.serial == 0:
        raise ValueError("header")
    _check_fields(header)
    if header.fields.get(HeaderFields.unix_fds, 0) != len(fds):
        raise ValueError("another number of fds")
    signature = header.fields.get(HeaderFields.signature, "")
    if len(data) > _LARGEST_MIXED and not _FLAT.fullmatch(signature):
        raise ValueError("a large message of small values")
    position += -position % 8
    body: tuple[Any, ...] = ()
    if signature:
        body, position = _type(f"({signature})", 0).parse_data(data, position, header.endianness, fds=fds)
    if position != len(data):
        raise ValueError("size")
    named = tuple(fds_in(body)) if fds else ()
    if len(set(map(id, named))) != len(named):
        raise ValueError("a fd that is named twice")
    for each in fds:
        if each not in named:
            each.close()
    return Message(header, body)


def _header(head: bytes) -> tuple[Header, int]:
    """The header and its end. jeepney would read the fields with its own types, which have no limits."""
    order, kind, flags, version = struct.unpack_from("4B", head)
    endianness = {ord("l"): Endianness.little, ord("B"): Endianness.big}[order]
    size, serial = struct.unpack_from(endianness.struct_code() + "II", head, 4)
    fields, position = _FIELDS.parse_data(head, FIXED_PART - 4, endianness)
    # Unknown fields are to be ignored.
    known = {HeaderFields(code): value for code, (_, value) in fields if code in _FIELD_CODES}
    return Header(endianness, kind, flags, version, size, serial, known), position


def _check_fields(header: Header) -> None:
    for field, value in header.fields.items():
        number = field in (HeaderFields.reply_serial, HeaderFields.unix_fds)
        if not isinstance(value, int if number else str):
            raise TypeError(field.name)
    needed = {
        MessageType.method_call: (HeaderFields.path, HeaderFields.member),
        MessageType.signal: (HeaderFields.path, HeaderFields.member, HeaderFields.interface),
        MessageType.error: (HeaderFields.error_name, HeaderFields.reply_serial),
        MessageType.method_return: (HeaderFields.reply_serial,),
    }[header.message_type]
    for each in needed:
        if each not in header.fields:
            raise ValueError(each.name)


def _one_type(signature: str, depth: int) -> Any:
    letters = list(signature)
    if depth > _DEEPEST:
        raise ValueError("too deep")
    found = _replaced(parse_signature(letters), depth)
    if letters:
        raise ValueError("a variant of several types")
    return found


def _type(signature: str, depth: int) -> Any:
    return _replaced(parse_signature(list(signature)), depth)


def _replaced(kind: Any, depth: int) -> Any:
    """jeepney's type with our variants and arrays of bytes in it."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(kind, Variant):
        return _Variant(depth)
    if isinstance(kind, Array):
        return _Bytes(_BYTE) if kind.elt_type == _BYTE else Array(_replaced(kind.elt_type, depth + 1))
    if isinstance(kind, Struct):
        if not kind.fields:
            raise ValueError("a type without a size")
        return type(kind)([_replaced(each, depth + 1) for each in kind.fields])
    return kind


def fds_in(body: Any) -> Iterator[FileDescriptor]:
    """The fds among the arguments of a message, at any depth."""
    if isinstance(body, FileDescriptor):
        yield body
    elif isinstance(body, tuple | list):
        for each in body:
            yield from fds_in(each)
    elif isinstance(body, dict):
        yield from fds_in([*body.keys(), *body.values()])


_FIELDS = _type("a(yv)", 0)
_FIELD_CODES = frozenset(map(int, HeaderFields))


def close_fds(body: Any) -> None:
    """Close what a message brought and nobody takes."""
    for each in fds_in(body):
        each.close()


def method_call(
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: tuple[Any, ...] = (),
    destination: str | None = None,
) -> Message:
    """``destination``: the name on a bus; None peer to peer. Raises ValueError for names that are none."""
    message = new_method_call(
        DBusAddress(path, destination or "peer.to.peer", interface), member, signature or None, body
    )
    if destination is None:
        del message.header.fields[HeaderFields.destination]
    return message


def method_return(call: Message, signature: str = "", body: tuple[Any, ...] = ()) -> Message:
    return new_method_return(call, signature or None, body)


def error_reply(call: Message, name: str, text: str) -> Message:
    return new_error(call, name, "s", (text,))
