"""Recordings with changed bytes, changed records and changed values are opened and played.

Nothing but an error of this program may come of it, in bounded time and memory, and no fd may stay.
"""

import json
import random
import resource
import tempfile
import time
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path

import zstandard
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Attachment, Message
from mcap.stream_reader import StreamReader

from app.errors import MdevviewError
from app.open.opening import open_target
from app.open.target import Replay
from app.planes.check import check_plane
from app.planes.frame import Frame
from app.planes.status import State
from app.replay.records import MAGIC
from tests.attacks.limits import TooLong, time_limit
from tests.conftest import open_files
from tests.recordings import record

_SPECS = (
    "gvt,size=64x64",
    "gvt,size=128x64,modifier=X",
    "gvt,size=64x64,format=YUYV,cursor=off",
    "mbochs,size=64x64",
    "mdpy,size=64x64",
    "gvt,size=64x64,fault=hostile@0.1",
    "gvt,size=64x64,fault=gone@0.3",
    "gvt,size=64x64,fault=read-only",
)
_POLLS = 40
_LONGEST_S = 20.0
# What the replay may hold (app/replay/replayed_device.py), with some of its contents twice.
_MOST_MEMORY_KIB = 3 << 20
_EDGES = (0, 1, 2, -1, 255, 4096, 65535, 16385, 2**28, 2**28 + 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_NUMBERS = (*_EDGES, 2**64, 10**400)
_FIELDS = (0, 1, 16385, 2**28, 2**31, 2**32 - 1)
_TEXTS = ("", "x", "00" * 300, "../../etc/passwd", "\ud800", "gpu", "cpu", "left-out")
_OTHERS: tuple[object, ...] = (None, True, 1.5, [], {}, [[[]]], *_TEXTS)


def run(seed: int, deadline: float, limit: int | None = None) -> list[str]:
    """Play until ``deadline`` of time.monotonic(), ``limit`` files at most. Prints counts, returns the faults found."""
    counts: Counter[str] = Counter()
    faults: list[str] = []
    number = 0
    with tempfile.TemporaryDirectory() as name:
        originals = []
        for index, spec in enumerate(_SPECS):
            path = Path(name, f"{index}.mcap")
            record(path, spec, 500)
            originals.append(path.read_bytes())
        path = Path(name, "fuzzed.mcap")
        while time.monotonic() < deadline and (limit is None or number < limit):
            rng = random.Random(f"{seed} {number}")
            path.write_bytes(_changed(rng, rng.choice(originals)))
            files = open_files()
            fault = play(path, rng, counts)
            left = open_files() - files
            if fault or left:
                faults.append(f"seed {seed} file {number}: {fault or f'left open: {dict(left)}'}")
            number += 1
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if used > _MOST_MEMORY_KIB:
        faults.append(f"seed {seed}: {used >> 10} MiB of memory were used")
    print(f"replay: {number} files, {used >> 10} MiB: {dict(sorted(counts.items()))}", flush=True)
    return faults


def play(path: Path, rng: random.Random, counts: Counter[str]) -> str:
    """Open a file and play it. Returns the fault found, empty for none."""
    try:
        with time_limit(_LONGEST_S):
            return _play(path, rng, counts)
    except MdevviewError as error:
        counts["error: " + type(error).__name__] += 1
    except TooLong as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _play(path: Path, rng: random.Random, counts: Counter[str]) -> str:
    session = open_target(Replay(str(path), rng.choice((0.0, 0.0, 1.0)), rng.choice((0.0, 0.0, 0.2))))
    try:
        session.host_facts()
        assert session.playback is not None
        for number in range(_POLLS):
            frame = session.source.latest()
            counts[frame.status.reason.key] += 1
            fault = _fault_of(frame)
            if fault:
                return fault
            if frame.status.state is State.GONE:
                break
            if number == _POLLS // 2:
                session.describe()
                rng.choice((session.playback.step, session.playback.pause, session.playback.resume))()
                session.playback.seek(rng.choice((0, -1, session.playback.duration_ns, 10**30)))
    finally:
        session.close()
    return ""


def _fault_of(frame: Frame) -> str:
    for surface in (frame.primary, frame.cursor):
        if surface is None:
            continue
        if check_plane(surface.plane, surface.buffer.size) is not None:
            return f"a frame with an impossible plane: {surface.plane}"
        try:
            with surface.buffer.mapping() as memory:
                bytes(memory[:4096])
        except OSError:
            continue
    return ""


def _changed(rng: random.Random, data: bytes) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return data[: rng.randrange(len(data))]
    if kind < 0.4:
        return _with_bytes(rng, data)
    return _with_records(rng, data)


def _with_bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        at = rng.randrange(len(changed))
        what = rng.random()
        if what < 0.5:
            changed[at] = rng.randrange(256)
        elif what < 0.7:
            changed[at : at + 8] = rng.choice(_EDGES).to_bytes(16, "little", signed=True)[:8]
        elif what < 0.85:
            del changed[at : at + rng.randrange(64)]
        else:
            changed[at:at] = rng.randbytes(rng.randrange(64))
        if not changed:
            return b""
    return bytes(changed)


def _with_records(rng: random.Random, data: bytes) -> bytes:
    """The records of the file, outside any chunk or in chunks with right sums, with some of them changed."""
    records = list(StreamReader(BytesIO(data), skip_magic=False).records)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(records))
        match records[at]:
            case Message() as message:
                records[at] = _with_value(rng, message)
            case Attachment() as attachment:
                records[at] = _with_contents(rng, attachment)
            case _ if rng.random() < 0.3:
                del records[at]
        if rng.random() < 0.2:
            records.insert(rng.randrange(len(records)), rng.choice(records))
    builder = RecordBuilder()
    builder.write(MAGIC)
    in_chunks = rng.random() < 0.5
    for each in records:
        body = RecordBuilder()
        each.write(body)
        raw = body.end()  # type: ignore[no-untyped-call]
        builder.write(_chunk(rng, raw) if in_chunks and isinstance(each, Message) else raw)
    return bytes(builder.end())  # type: ignore[no-untyped-call]


def _chunk(rng: random.Random, records: bytes) -> bytes:
    size = len(records) if rng.random() < 0.98 else rng.choice((0, 1, 2**24 + 1, 2**40, 2**64 - 1))
    builder = RecordBuilder()
    builder.start_record(Opcode.CHUNK)
    for number in (0, 0, size):
        builder.write8(number)
    builder.write4(zlib.crc32(records))
    builder.write_prefixed_string("zstd")
    compressed = zstandard.compress(records)
    builder.write8(len(compressed))
    builder.write(compressed)
    builder.finish_record()  # type: ignore[no-untyped-call]
    return bytes(builder.end())  # type: ignore[no-untyped-call]


def _with_value(rng: random.Random, message: Message) -> Message:
    try:
        document = json.loads(message.data)
    except ValueError:
        # It was changed before.
        return message
    if not isinstance(document, dict):
        return message
    key = rng.choice([*document, "new"])
    value = document.get(key)
    if isinstance(value, str) and len(value) == 128 and rng.random() < 0.7:
        # The struct of a query: another number in one of its fields.
        at = rng.randrange(16) * 8
        value = value[:at] + rng.choice(_FIELDS).to_bytes(4, "little").hex() + value[at + 8 :]
    else:
        value = rng.choice((*_NUMBERS, *_OTHERS))
    document[key] = value
    data = json.dumps(document).encode()
    if rng.random() < 0.05:
        data = rng.choice((b"", b"{", b"[" * 100_000, b"null", data[:-1], b'{"version":2}', b"9" * 10_000))
    log_time = message.log_time if rng.random() < 0.9 else rng.choice((0, 2**63, 2**64 - 1))
    channel = message.channel_id if rng.random() < 0.95 else rng.randrange(12)
    return Message(channel, log_time, data, message.publish_time, 0)


def _with_contents(rng: random.Random, attachment: Attachment) -> Attachment:
    kind = rng.random()
    data = attachment.data
    if kind < 0.3:
        data = _with_bytes(rng, data)
    elif kind < 0.6:
        data = zstandard.compress(b"\0" * rng.choice((0, 1, 100, 1 << 26)))
    elif kind < 0.8:
        # A frame that does not say its size.
        data = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * 10_000)
    name = attachment.name if rng.random() < 0.9 else rng.choice(("", "../" + attachment.name, "sha256-x", "\0" * 2000))
    return Attachment(0, attachment.log_time, name, attachment.media_type, data)
