"""Reads a recording: what it says, checked, and the contents of buffers when they are asked for."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

from mcap.records import Channel, Header, Message

from app.errors import MdevviewError, NoSuchDevice, PermissionDenied, error_text
from app.replay.document import from_document
from app.replay.recording import Recording
from app.replay.records import MAGIC, Attachment, Damaged, Records, decompressed
from app.replay.schema import CONTENT_PREFIX, MOST_CONTENT, PROFILE, TOPICS, VERSION, Context
from app.replay.schema import Message as RecordedMessage

_REMEDY = "give a file of 'mdevview capture'"
_DIGEST = 64
_MOST_CONTENTS = 1_000_000
# zstd makes incompressible data a little longer.
_MOST_COMPRESSED = MOST_CONTENT + (1 << 20)


class BadRecording(MdevviewError):
    """The file is no recording that this version can play."""


class RecordingFile:
    """Owns the open file of a recording. ``recording`` is all of it but the contents of buffers."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises BadRecording; NoSuchDevice if there is none, PermissionDenied."""
        self._path = path
        self._file = _opened(path)
        self._contents: dict[str, Attachment] = {}
        try:
            self.recording = self._read()
        except OSError as error:
            self.close()
            raise BadRecording(f"{path}: {error_text(error)}", _REMEDY) from error
        except BaseException:
            self.close()
            raise

    def contents(self, digest: str) -> bytes | None:
        """The bytes of that digest; None if the file does not have them, or they are damaged."""
        attachment = self._contents.get(digest)
        if attachment is None or attachment.length > _MOST_COMPRESSED:
            return None
        try:
            compressed = os.pread(self._file.fileno(), attachment.length, attachment.offset)
            contents = decompressed(compressed, MOST_CONTENT)
        except (OSError, ValueError, Damaged, MemoryError):
            return None
        return contents if hashlib.sha256(contents).hexdigest() == digest else None

    def close(self) -> None:
        """More calls do nothing."""
        self._file.close()

    def _read(self) -> Recording:
        size = os.fstat(self._file.fileno()).st_size
        if self._file.read(len(MAGIC)) != MAGIC:
            raise BadRecording(f"{self._path}: this is no MCAP file", _REMEDY)
        records = Records(self._file, size)
        reader = _Reader(self._path, self._contents)
        damage = ""
        try:
            for record in records:
                reader.add(record)
        except Damaged as error:
            damage = str(error)
        if reader.recording is None:
            what = f": {damage}" if damage else ""
            raise BadRecording(f"{self._path}: the recording has no beginning{what}", _REMEDY)
        if damage:
            reader.recording.damage = f"what follows is damaged: {damage}"
        elif not records.ended:
            reader.recording.damage = "the end is missing"
        elif reader.unreadable:
            reader.recording.damage = f"{reader.unreadable} messages cannot be read"
        reader.recording.finish()
        return reader.recording


class _Reader:
    """Puts the records together. Raises Damaged, and BadRecording where the file is not for this program."""

    def __init__(self, path: Path, contents: dict[str, Attachment]) -> None:
        self.recording: Recording | None = None
        self.unreadable = 0
        self._path = path
        self._contents = contents
        self._types: dict[int, type[RecordedMessage]] = {}

    def add(self, record: Header | Channel | Message | Attachment) -> None:
        match record:
            case Header():
                if record.profile != PROFILE:
                    raise BadRecording(f"{self._path}: this MCAP file is not of mdevview", _REMEDY)
            case Channel():
                if record.topic in TOPICS and record.message_encoding == "json":
                    self._types[record.id] = TOPICS[record.topic]
            case Attachment():
                self._add_attachment(record)
            case Message():
                type_ = self._types.get(record.channel_id)
                if type_ is not None:
                    self._add_message(type_, record)

    def _add_attachment(self, attachment: Attachment) -> None:
        digest = attachment.name.removeprefix(CONTENT_PREFIX)
        if digest != attachment.name and len(digest) == _DIGEST and digest not in self._contents:
            if len(self._contents) >= _MOST_CONTENTS:
                raise Damaged("too many contents")
            self._contents[digest] = attachment

    def _add_message(self, type_: type[RecordedMessage], record: Message) -> None:
        try:
            document = json.loads(record.data)
            if type_ is Context:
                self._check_version(document)
            message = from_document(type_, document)
        except (ValueError, RecursionError):
            # What a hostile driver answered may be out of range, and all else still holds.
            self.unreadable += 1
            return
        if isinstance(message, Context):
            if self.recording is None:
                self.recording = Recording(message, record.log_time)
        elif self.recording is not None:
            self.recording.add(message, record.log_time)

    def _check_version(self, document: object) -> None:
        version = document.get("version") if isinstance(document, dict) else None
        if isinstance(version, int) and version != VERSION:
            raise BadRecording(
                f"{self._path}: this is a recording of version {version}, and this mdevview knows version {VERSION}",
                "use the mdevview that made it, or a newer one",
            )


def _opened(path: Path) -> BinaryIO:
    """The open file. Raises MdevviewError. A FIFO would wait, and a device may do something when it is opened."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NoSuchDevice(f"{path}: there is no such file", _REMEDY) from error
    except PermissionError as error:
        raise PermissionDenied(f"{path}: {error_text(error)}") from error
    except (OSError, ValueError) as error:
        text = error_text(error) if isinstance(error, OSError) else str(error)
        raise BadRecording(f"{path}: {text}", _REMEDY) from error
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return open(fd, "rb")  # noqa: PTH123
    except OSError as error:
        os.close(fd)
        raise BadRecording(f"{path}: {error_text(error)}", _REMEDY) from error
    os.close(fd)
    raise BadRecording(f"{path}: this is no regular file", _REMEDY)
