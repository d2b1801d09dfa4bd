"""Messages of xenstore as bytes (``xs_wire.h``). What comes from xenstored is read with limits."""

import ctypes
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

from app.xen.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XSD_ERRORS, xsd_sockmsg

_HEAD = ctypes.sizeof(xsd_sockmsg)


@dataclass(frozen=True, slots=True)
class Message:
    kind: int
    request: int
    transaction: int
    body: bytes

    def strings(self) -> tuple[str, ...]:
        """The texts of the body, each ended by NUL; the end of the body ends the last one too."""
        if not self.body:
            return ()
        return tuple(_text(part) for part in self.body.removesuffix(b"\0").split(b"\0"))

    def text(self) -> str:
        """The body as one text: a node's value, which has no NUL of its own at the end."""
        return _text(self.body)

    def error(self) -> OSError:
        """The error that an XS_ERROR names; EIO for a name that xenstore does not have."""
        name = self.body.removesuffix(b"\0").decode("ascii", "replace")
        number = getattr(errno, name) if name in XSD_ERRORS else errno.EIO
        return OSError(number, os.strerror(number))


def encode(kind: int, request: int, transaction: int, body: bytes) -> bytes:
    """Raises OSError(E2BIG) for a message that the kernel would not take: it counts the head too."""
    if _HEAD + len(body) > XENSTORE_PAYLOAD_MAX:
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    return bytes(xsd_sockmsg(type=kind, req_id=request, tx_id=transaction, len=len(body))) + body


def body_of(strings: Sequence[str], *, value: str | None = None) -> bytes:
    """Texts, each ended by NUL, then a value without. Raises OSError(EINVAL) for what xenstore cannot hold."""
    texts = (*strings, value or "")
    try:
        if any("\0" in each for each in texts):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return "\0".join(texts).encode()
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None


class MessageReader:
    """Whole messages out of a stream that comes in any pieces. Holds one message at most, beside the last piece."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, content: bytes) -> list[Message]:
        """Raises OSError(EPROTO) for a message that is too long; the stream is unusable then."""
        self._left += content
        messages: list[Message] = []
        position = 0
        while len(self._left) - position >= _HEAD:
            head = xsd_sockmsg.from_buffer_copy(self._left, position)
            if head.len > XENSTORE_PAYLOAD_MAX:
                raise OSError(errno.EPROTO, f"xenstored sent a message of {head.len} bytes")
            end = position + _HEAD + head.len
            if len(self._left) < end:
                break
            messages.append(Message(head.type, head.req_id, head.tx_id, bytes(self._left[position + _HEAD : end])))
            position = end
        del self._left[:position]
        return messages


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
