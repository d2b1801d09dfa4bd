"""Recordings made to harm: they end in one clear line, or show what is whole, in bounded time and memory."""

import json
import os
import random
import struct
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard
from mcap.opcode import Opcode
from mcap.writer import CompressionType, Writer

from app.replay.document import to_document
from app.replay.recording_file import BadRecording, RecordingFile
from app.replay.records import MAGIC
from app.replay.schema import CONTENT_PREFIX, PROFILE
from tests.attacks.fuzz import replay
from tests.attacks.limits import time_limit
from tests.recordings import context
from ui.cli.main import main

_LONGEST_S = 20.0
_MOST_BYTES = 100 << 20

Make = Callable[[Path], None]


def _header() -> bytes:
    body = struct.pack("<I", len(PROFILE)) + PROFILE.encode() + struct.pack("<I", 0)
    return MAGIC + _record(Opcode.HEADER, body)


def _record(opcode: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack("<BQ", opcode, len(body) if length is None else length) + body


def _writer(path: Path, compression: CompressionType = CompressionType.ZSTD) -> Writer:
    writer = Writer(path.open("wb"), compression=compression)
    writer.start(profile=PROFILE)
    channel = writer.register_channel("/context", "json", 0)
    writer.add_message(channel, 0, json.dumps(to_document(context())).encode(), 0)
    return writer


def _finish(writer: Writer) -> None:
    writer.finish()  # type: ignore[no-untyped-call]
    writer._Writer__stream.close()  # type: ignore[attr-defined]


def a_record_longer_than_memory(path: Path) -> None:
    path.write_bytes(_header() + _record(Opcode.MESSAGE, b"x" * 100, 2**63))


def a_chunk_that_says_to_be_larger_than_memory(path: Path) -> None:
    body = struct.pack("<QQQI", 0, 0, 2**62, 0) + struct.pack("<I", 4) + b"zstd" + struct.pack("<Q", 4) + b"abcd"
    path.write_bytes(_header() + _record(Opcode.CHUNK, body))


def a_chunk_that_becomes_larger_than_memory(path: Path) -> None:
    bomb = zstandard.compress(b"\0" * (512 << 20))
    sizes = struct.pack("<QQQI", 0, 0, 1000, 0)
    body = sizes + struct.pack("<I", 4) + b"zstd" + struct.pack("<Q", len(bomb)) + bomb
    path.write_bytes(_header() + _record(Opcode.CHUNK, body) * 50)


def a_million_channels(path: Path) -> None:
    body = struct.pack("<HH", 1, 0) + struct.pack("<I", 3) + b"/xy" + struct.pack("<I", 0) * 2
    path.write_bytes(_header() + _record(Opcode.CHANNEL, body) * 1_000_000)


def more_empty_records_than_anybody_writes(path: Path) -> None:
    path.write_bytes(_header() + _record(0x80, b"") * 110_000)


def json_as_deep_as_it_goes(path: Path) -> None:
    writer = _writer(path)
    writer.add_message(writer.register_channel("/query", "json", 0), 0, b"[" * 900_000, 0)
    _finish(writer)


def a_channel_whose_texts_are_longer_than_it_is(path: Path) -> None:
    path.write_bytes(_header() + _record(Opcode.CHANNEL, struct.pack("<HHI", 1, 0, 2**32 - 1)))


def a_record_of_a_sparse_file(path: Path) -> None:
    path.write_bytes(_header() + _record(Opcode.MESSAGE, b"", 1 << 30))
    os.truncate(path, 2 << 30)


MAKES: dict[Make, str] = {
    a_record_longer_than_memory: "no beginning",
    a_record_of_a_sparse_file: "a record of 1073741824 bytes",
    a_chunk_that_says_to_be_larger_than_memory: "chunks of too many bytes",
    a_chunk_that_becomes_larger_than_memory: "contents of 536870912 bytes",
    a_million_channels: "too many channels",
    more_empty_records_than_anybody_writes: "too many records",
    a_channel_whose_texts_are_longer_than_it_is: "a record",
}


@contextmanager
def _memory_limit(most: int) -> Iterator[None]:
    """Fails if more than ``most`` bytes are allocated at a time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
def test_a_harmful_file_is_one_line(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mcap"
    make(path)
    # The limit is for hours of recording, which the test need not wait for.
    monkeypatch.setattr("app.replay.records._MOST_RECORDS", 100_000)
    with time_limit(_LONGEST_S), _memory_limit(_MOST_BYTES):
        assert main(["inspect", f"replay:{path}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"mdevview: {path}: ") and error.count("\n") == 1
    assert MAKES[make] in error


def test_what_comes_before_the_damage_is_kept(tmp_path: Path) -> None:
    json_as_deep_as_it_goes(tmp_path / "a.mcap")
    with time_limit(_LONGEST_S):
        file = RecordingFile(tmp_path / "a.mcap")
    file.close()
    assert file.recording.damage == "1 messages cannot be read"


@pytest.mark.parametrize("says_its_size", [True, False])
def test_contents_that_become_larger_than_any_buffer_are_left_out(says_its_size: bool, tmp_path: Path) -> None:
    writer = _writer(tmp_path / "a.mcap")
    compressor = zstandard.ZstdCompressor(write_content_size=says_its_size)
    writer.add_attachment(0, 0, CONTENT_PREFIX + "0" * 64, "", compressor.compress(b"\0" * (300 << 20)))
    _finish(writer)
    file = RecordingFile(tmp_path / "a.mcap")
    try:
        with _memory_limit(_MOST_BYTES):
            assert file.contents("0" * 64) is None
    finally:
        file.close()


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "sha256-../../../../../../../../../etc/passwd", "\0" * 900, "a/b"]
)
def test_a_name_in_the_file_leads_to_no_other_file(name: str, tmp_path: Path) -> None:
    writer = _writer(tmp_path / "a.mcap")
    writer.add_attachment(0, 0, name, "", zstandard.compress(b"x"))
    _finish(writer)
    file = RecordingFile(tmp_path / "a.mcap")
    try:
        assert file.contents(name.removeprefix(CONTENT_PREFIX)) is None
    finally:
        file.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.mcap"]


def test_texts_of_the_file_are_cleaned_before_they_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;title\x07\u202e"
    path = tmp_path / "a.mcap"
    writer = Writer(path.open("wb"))
    writer.start(profile=PROFILE)
    facts: dict[str, object] = {"type_id": evil, "driver": evil, "name": evil, "module": 5, "gvt_id": "x"}
    document = to_document(context(vgpu=facts, label=evil, host={"vm": [evil], "kernel_lines": [1, evil]}))
    writer.add_message(writer.register_channel("/context", "json", 0), 0, json.dumps(document).encode(), 0)
    _finish(writer)
    assert main(["inspect", f"replay:{path}"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\u202e" not in shown and "\x07" not in shown


def test_the_fuzzer_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.run(1, time.monotonic() + 60, 100) == []
    assert "'ok'" in capsys.readouterr().out


def test_the_fuzzer_notices_an_error_that_is_not_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> None:
        raise KeyError("x")

    monkeypatch.setattr("app.open.replaying.RecordingFile", fail)
    assert replay.play(tmp_path / "a", random.Random(1), Counter()) == "KeyError: 'x'"


def test_a_version_of_a_wrong_type_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = Writer(path.open("wb"))
    writer.start(profile=PROFILE)
    writer.add_message(writer.register_channel("/context", "json", 0), 0, b'{"version": "1"}', 0)
    _finish(writer)
    with pytest.raises(BadRecording, match="no beginning"):
        RecordingFile(path)
