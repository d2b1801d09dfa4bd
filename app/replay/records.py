"""The records of an MCAP file of unknown origin, each with a limit: what is whole is read, and nothing is believed.

The parsers are those of the library ``mcap``. Its readers are not used: they load a record of any length, and
decompress a chunk to any size.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Header, Message

MAGIC = b"\x89MCAP0\r\n"

_HEAD = struct.Struct("<BQ")
_MESSAGE_HEAD = 22
# A chunk of this program has hardly more than 1 MiB.
_MOST_CHUNK = 16 << 20
_MOST_RECORD = 1 << 20
# Of the head of an attachment: two times, two short texts, a size.
_MOST_ATTACHMENT_HEAD = 1024
_ATTACHMENT_CRC = 4
# Of the whole file, when it is uncompressed.
_MOST_MESSAGE_BYTES = 256 << 20
_MOST_RECORDS = 2_000_000
# This program writes nine.
_MOST_CHANNELS = 1000


class Damaged(Exception):
    """The file is damaged from here on, or breaks a limit."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment whose data is at ``offset`` of the file and has ``length`` bytes."""

    name: str
    media_type: str
    offset: int
    length: int


Record = Header | Channel | Message | Attachment


class Records:
    """Reads the records of a file from its beginning. Raises OSError.

    ``size`` is that of the file. After the iteration ``ended`` tells whether the data ended as it should.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.ended = False
        self._file = file
        self._size = size
        self._records = 0
        self._channels = 0
        self._at = -1
        self._message_bytes = 0

    def __iter__(self) -> Iterator[Record]:
        """Each record in its order; those of a chunk in place of the chunk. Raises Damaged."""
        at = len(MAGIC)
        while at + _HEAD.size <= self._size:
            self._count()
            self._go_to(at)
            opcode, length = _HEAD.unpack(self._read(_HEAD.size))
            start = at + _HEAD.size
            if length > self._size - start:
                return
            if opcode in (Opcode.DATA_END, Opcode.FOOTER):
                self.ended = True
                return
            if opcode == Opcode.ATTACHMENT:
                yield self._attachment(start, length)
            elif opcode == Opcode.CHUNK:
                yield from self._chunk(length)
            elif opcode in _PARSERS:
                yield self._parsed(opcode, self._limited(length, _MOST_RECORD))
            at = start + length

    def _count(self) -> None:
        self._records += 1
        if self._records > _MOST_RECORDS:
            raise Damaged("too many records")

    def _count_channel(self) -> None:
        self._channels += 1
        if self._channels > _MOST_CHANNELS:
            raise Damaged("too many channels")

    def _go_to(self, at: int) -> None:
        # A file may have millions of empty records.
        if at != self._at:
            self._file.seek(at)
            self._at = at

    def _read(self, length: int) -> bytes:
        data = self._file.read(length)
        self._at += len(data)
        if len(data) != length:
            raise Damaged("the file became shorter")
        return data

    def _limited(self, length: int, most: int) -> bytes:
        if length > most:
            raise Damaged(f"a record of {length} bytes")
        return self._read(length)

    def _attachment(self, start: int, length: int) -> Attachment:
        head = BytesIO(self._read(min(length, _MOST_ATTACHMENT_HEAD)))
        stream = _Exact(head)
        try:
            stream.read8()
            stream.read8()
            name, media_type = stream.read_prefixed_string(), stream.read_prefixed_string()
            size = stream.read8()
        except _ERRORS as error:
            raise Damaged("an attachment") from error
        if size + _ATTACHMENT_CRC > length - stream.count:
            raise Damaged("an attachment of a wrong size")
        return Attachment(name, media_type, start + stream.count, size)

    def _chunk(self, length: int) -> Iterator[Record]:
        try:
            chunk = Chunk.read(_Exact(BytesIO(self._limited(length, _MOST_CHUNK))))
        except _ERRORS as error:
            raise Damaged("a chunk") from error
        data = self._uncompressed(chunk)
        at = 0
        while at + _HEAD.size <= len(data):
            self._count()
            opcode, size = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            if size > len(data) - at:
                raise Damaged("a record of a chunk")
            if opcode in _PARSERS:
                yield self._parsed(opcode, data[at : at + size])
            at += size

    def _uncompressed(self, chunk: Chunk) -> bytes:
        self._message_bytes += chunk.uncompressed_size
        if chunk.uncompressed_size > _MOST_CHUNK or self._message_bytes > _MOST_MESSAGE_BYTES:
            raise Damaged("chunks of too many bytes")
        if chunk.compression == "zstd":
            data = decompressed(chunk.data, chunk.uncompressed_size)
        elif chunk.compression == "":
            data = chunk.data
        else:
            raise Damaged("a chunk of an unknown compression")
        if len(data) != chunk.uncompressed_size or (
            chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc
        ):
            raise Damaged("a chunk of wrong contents")
        return data

    def _parsed(self, opcode: int, data: bytes) -> Record:
        if opcode == Opcode.MESSAGE and len(data) < _MESSAGE_HEAD:
            raise Damaged("a message")
        if opcode == Opcode.CHANNEL:
            self._count_channel()
        try:
            return _PARSERS[opcode](data)
        except _ERRORS as error:
            raise Damaged("a record") from error


def decompressed(data: bytes, most: int) -> bytes:
    """The contents of one zstd frame, which must say their size. Raises Damaged, also if they exceed ``most`` bytes."""
    try:
        size = zstandard.frame_content_size(data)
        # The decompressor would allocate what the frame says, or ``most`` where it says nothing.
        if not 0 <= size <= most:
            raise Damaged(f"contents of {size} bytes")
        return zstandard.ZstdDecompressor().decompress(data) if size else b""
    except zstandard.ZstdError as error:
        raise Damaged("compressed data") from error


class _Exact(ReadDataStream):
    """Raises EOFError where the library would return fewer bytes than asked for."""

    def read(self, length: int) -> bytes:
        data = super().read(length)
        if len(data) != length:
            raise EOFError
        return data


def _header(data: bytes) -> Header:
    record: Header = Header.read(_Exact(BytesIO(data)))
    return record


def _channel(data: bytes) -> Channel:
    record: Channel = Channel.read(_Exact(BytesIO(data)))
    return record


def _message(data: bytes) -> Message:
    record: Message = Message.read(_Exact(BytesIO(data)), len(data))
    return record


_PARSERS: dict[int, Callable[[bytes], Record]] = {
    Opcode.HEADER: _header,
    Opcode.CHANNEL: _channel,
    Opcode.MESSAGE: _message,
}
_ERRORS = (McapError, EOFError, ValueError, OverflowError, struct.error)
