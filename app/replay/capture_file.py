"""Writes a recording (:mod:`app.replay.schema`) on a thread of its own, so that no poll waits for a disk."""

import errno
import hashlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import zstandard
from mcap.writer import CompressionType, Writer

from app import __version__
from app.replay.document import json_schema, to_document
from app.replay.schema import (
    CONTENT_PREFIX,
    MEDIA_TYPE,
    PROFILE,
    TOPICS,
    Context,
    End,
    Message,
    Pixels,
    schema_name,
)

# A capture that is killed loses the answers of this time.
_FLUSH_S = 0.5
# What may wait for the disk. Two frames of 8K; at 1080p the frames of a quarter of a second.
_MOST_PENDING_BYTES = 256 << 20
_MOST_PENDING = 100_000
_LEVEL = 3
# A write that is asked to stop and makes no progress for this time is given up.
_PATIENCE_S = 2.0
# A write to a pipe returns when all is taken. Pieces show the progress.
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class _Item:
    message: Message
    contents: bytes | None
    poll_ns: int
    ns: int


class CaptureFile:
    """Owns ``fd`` and a thread. All calls come from one thread; times are nanoseconds of ``clock``.

    What comes faster than it can be written is dropped and counted. ``failed`` is the error of a write: what was
    written before stays, and the rest is dropped. Raises OSError if no thread can be started; ``fd`` is closed then.
    """

    def __init__(
        self,
        fd: int,
        context: Context,
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], int] = time.time_ns,
        most_pending_bytes: int = _MOST_PENDING_BYTES,
    ) -> None:
        self.failed: OSError | None = None
        self.dropped_pixels = 0
        self.dropped_answers = 0
        self._output = _Output(fd)
        # The start is now. The thread may run only after the first answers.
        self._start_ns = clock()
        self._offset_ns = wall_clock() - self._start_ns
        self._clock = clock
        self._most_pending_bytes = most_pending_bytes
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._pending_bytes = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._context = context
        self._finished = False
        self._last_taken = False
        try:
            self._thread.start()
        except RuntimeError as error:
            self._output.close()
            raise OSError(errno.EAGAIN, f"no thread can be started to write it: {error}") from error

    def record(self, message: Message, poll_ns: int, ns: int) -> None:
        """Write an answer. Never waits."""
        if self._items.qsize() >= _MOST_PENDING:
            self.dropped_answers += 1
            return
        self._items.put(_Item(message, None, poll_ns, ns))

    def has_room(self, size: int) -> bool:
        """Whether :meth:`pixels` would take ``size`` bytes now. One content is taken whatever its size is."""
        with self._lock:
            return not self._pending_bytes or self._pending_bytes + size <= self._most_pending_bytes

    def pixels(self, pixels: Pixels, contents: bytes | None, poll_ns: int, ns: int) -> None:
        """Write what a buffer holds; the digest is filled in. Never waits: without room the contents are dropped."""
        if contents is not None and not self.has_room(len(contents)):
            self.drop(pixels, poll_ns, ns)
            return
        if contents is not None:
            with self._lock:
                self._pending_bytes += len(contents)
        self._items.put(_Item(pixels, contents, poll_ns, ns))

    def drop(self, pixels: Pixels, poll_ns: int, ns: int) -> None:
        """Write that contents were dropped."""
        self.dropped_pixels += 1
        self.record(replace(pixels, source="dropped", content=None, size=None), poll_ns, ns)

    def finish(self, why: str, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Write the end and wait until all is written; more calls do nothing. Closes the fd.

        Once ``is_stopped`` says so, it does not wait for a reader or a disk that takes nothing for some seconds: then
        ``failed`` is ETIMEDOUT, and the thread and its fd stay until the program ends.
        """
        if self._finished:
            return
        self._finished = True
        now = self._clock()
        self._items.put(_Item(End(why, self.dropped_pixels, self.dropped_answers), None, now, now))
        self._items.put(None)
        while self._thread.is_alive():
            before = self.written
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive() and self.written == before and is_stopped():
                self.failed = OSError(errno.ETIMEDOUT, "nothing takes what is written")
                return
        self._output.close()

    @property
    def written(self) -> int:
        """The bytes written so far."""
        return self._output.tell()

    def _run(self) -> None:
        try:
            self._write_all()
        except OSError as error:
            self.failed = error
        except Exception as error:
            # Of a bug, too: a capture that writes nothing must not go on.
            self.failed = OSError(errno.EIO, f"{type(error).__name__}: {error}")
        if self.failed is not None and not self._last_taken:
            # No memory may be kept. After the last item, for which finish() waits, nothing more comes.
            while (item := self._items.get()) is not None:
                self._written(item)

    def _write_all(self) -> None:
        file = _File(self._output, self._offset_ns)
        file.start(self._context, self._start_ns)
        flush_at = time.monotonic() + _FLUSH_S
        while True:
            try:
                item = self._items.get(timeout=max(0.0, flush_at - time.monotonic()))
            except queue.Empty:
                item = _NOTHING
            if item is None:
                self._last_taken = True
                break
            if item is not _NOTHING:
                try:
                    file.add(item)
                finally:
                    self._written(item)
            if time.monotonic() >= flush_at:
                file.flush()
                flush_at = time.monotonic() + _FLUSH_S
        file.finish()

    def _written(self, item: _Item) -> None:
        if item.contents is not None:
            with self._lock:
                self._pending_bytes -= len(item.contents)


_NOTHING = _Item(End("", 0, 0), None, 0, 0)


class _File:
    """The MCAP file. Raises OSError."""

    def __init__(self, output: "_Output", offset_ns: int) -> None:
        self._writer = Writer(output, compression=CompressionType.ZSTD)  # type: ignore[arg-type]  # it needs no more
        self._offset_ns = offset_ns
        self._channels: dict[type, int] = {}
        self._digests: set[str] = set()
        self._last: dict[Hashable, Hashable] = {}
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)

    def start(self, context: Context, ns: int) -> None:
        self._writer.start(profile=PROFILE, library=f"mdevview {__version__}")
        for topic, type_ in TOPICS.items():
            name = schema_name(type_)
            schema = json.dumps(json_schema(type_, name)).encode()
            schema_id = self._writer.register_schema(name, "jsonschema", schema)
            self._channels[type_] = self._writer.register_channel(topic, "json", schema_id)
        self._add(context, ns, ns)
        self.flush()

    def add(self, item: _Item) -> None:
        message = item.message
        if isinstance(message, Pixels):
            if item.contents is not None:
                message = replace(message, content=self._attach(item.contents, item.ns), size=len(item.contents))
            key = (message.inode, message.region)
            value = (message.source, message.content)
            if self._last.get(key) == value:
                return
            self._last[key] = value
        self._add(message, item.poll_ns, item.ns)

    def _attach(self, contents: bytes, ns: int) -> str:
        digest = hashlib.sha256(contents).hexdigest()
        if digest not in self._digests:
            self._digests.add(digest)
            at_ns = ns + self._offset_ns
            compressed = self._compressor.compress(contents)
            self._writer.add_attachment(at_ns, at_ns, CONTENT_PREFIX + digest, MEDIA_TYPE, compressed)
        return digest

    def _add(self, message: Message, poll_ns: int, ns: int) -> None:
        document = json.dumps(to_document(message), separators=(",", ":")).encode()
        self._writer.add_message(
            self._channels[type(message)], poll_ns + self._offset_ns, document, ns + self._offset_ns
        )

    def flush(self) -> None:
        self._writer.flush()  # type: ignore[no-untyped-call]

    def finish(self) -> None:
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._writer.flush()  # type: ignore[no-untyped-call]


class _Output:
    """Writes all to a fd, which may be a pipe, and counts. Owns the fd. Raises OSError."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._count = 0

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            done = os.write(self._fd, left[:_PIECE])
            self._count += done
            left = left[done:]
        return len(data)

    def tell(self) -> int:
        return self._count

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
