"""The file of a capture: MCAP's own reader reads it, and a slow or full disk stops no poll."""

import errno
import hashlib
import json
import os
import threading
from pathlib import Path

import pytest
import zstandard
from mcap.reader import make_reader

from app.replay.capture_file import CaptureFile
from app.replay.recording_file import RecordingFile
from app.replay.schema import CONTENT_PREFIX, MEDIA_TYPE, PROFILE, TOPICS, Pixels, Query
from tests.attacks.limits import time_limit
from tests.recordings import START, context, record
from tests.unit.refused_threads import refuse_threads


def _file(path: Path) -> CaptureFile:
    return CaptureFile(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), context(), lambda: START)


def _pixels(inode: int = 1) -> Pixels:
    return Pixels("cpu", 1, 0, 1, 1, 4, inode=inode)


def test_the_reader_of_mcap_finds_every_message_with_its_schema_and_the_contents(tmp_path: Path) -> None:
    recorded, _ = record(tmp_path / "a.mcap", "gvt,size=64x64,fps=50", 300)
    with (tmp_path / "a.mcap").open("rb") as stream:
        reader = make_reader(stream)
        assert reader.get_header().profile == PROFILE
        summary = reader.get_summary()
        assert summary is not None and summary.statistics is not None
        messages = list(reader.iter_messages())
        attachments = {each.name: each for each in reader.iter_attachments()}
    assert summary.statistics.message_count == len(messages) > 30
    named = set()
    for schema, channel, message in messages:
        assert schema is not None
        assert (schema.name, schema.encoding) == (f"mdevview.{TOPICS[channel.topic].__name__}", "jsonschema")
        document = json.loads(message.data)
        assert set(document) == set(json.loads(schema.data)["properties"])
        assert message.log_time <= message.publish_time
        if channel.topic == "/pixels":
            named.add(CONTENT_PREFIX + document["content"])
    assert named == set(attachments)
    shown = {contents for each in recorded for *_, contents in each.buffers}
    for name, attachment in attachments.items():
        contents = zstandard.decompress(attachment.data)
        assert attachment.media_type == MEDIA_TYPE
        assert name == CONTENT_PREFIX + hashlib.sha256(contents).hexdigest()
        assert contents in shown


def test_equal_contents_and_equal_answers_are_written_once(tmp_path: Path) -> None:
    file = _file(tmp_path / "a.mcap")
    for inode in (1, 1, 2):
        file.pixels(_pixels(inode), b"same" * 1000, START, START)
    file.finish("duration")
    with (tmp_path / "a.mcap").open("rb") as stream:
        reader = make_reader(stream)
        assert len(list(reader.iter_attachments())) == 1
        assert len(list(reader.iter_messages(topics=["/pixels"]))) == 2


def test_a_reader_that_does_not_read_costs_pixels_and_no_time(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    most = 4 << 20
    file = CaptureFile(writer, context(), lambda: START, most_pending_bytes=most)
    contents = [os.urandom(1 << 20) for _ in range(12)]
    for each in contents:
        file.pixels(_pixels(), each, START, START)
    dropped = file.dropped_pixels
    with open(reader, "rb") as stream:  # noqa: PTH123
        parts: list[bytes] = []
        reading = threading.Thread(target=lambda: parts.append(stream.read()))
        reading.start()
        file.finish("duration")
        reading.join()
    # The pipe holds 64 KiB: the first is being written, and four wait.
    assert 12 - 6 <= dropped < 12
    (tmp_path / "a.mcap").write_bytes(b"".join(parts))
    recording = RecordingFile(tmp_path / "a.mcap")
    recording.close()
    assert recording.recording.damage == ""
    with (tmp_path / "a.mcap").open("rb") as stream:
        ends = [json.loads(each.data) for _, _, each in make_reader(stream).iter_messages(topics=["/end"])]
    assert ends == [{"why": "duration", "dropped_pixels": dropped, "dropped_answers": 0}]


def test_a_full_disk_ends_the_capture_with_its_error_and_keeps_nothing_in_memory() -> None:
    file = CaptureFile(os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC), context(), lambda: START)
    for _ in range(50):
        file.record(Query(1, 2, None, errno.EINVAL), START, START)
        file.pixels(_pixels(), b"x" * 1000, START, START)
    file.finish("error")
    file.finish("error")
    assert file.failed is not None and file.failed.errno == errno.ENOSPC
    assert file.has_room(256 << 20)


def test_a_disk_that_is_full_at_the_very_end_ends_the_capture_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("app.replay.capture_file._File.finish", refuse)
    file = _file(tmp_path / "a.mcap")
    with time_limit(60):
        file.finish("duration")
    assert file.failed is not None and file.failed.errno == errno.ENOSPC


def test_what_was_captured_is_in_the_file_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    file = _file(path)
    try:
        file.record(Query(1, 2, None, errno.EINVAL), START, START)
        seen = False
        for _ in range(200):
            threading.Event().wait(0.05)
            recording = RecordingFile(path) if path.stat().st_size > 8 else None
            if recording is not None:
                recording.close()
                seen = recording.recording.query(1, 2, 0) is not None
            if seen:
                break
        assert seen
    finally:
        file.finish("duration")


def test_an_unexpected_error_of_the_writer_ends_the_capture_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_message: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("app.replay.capture_file.to_document", fail)
    file = _file(tmp_path / "a.mcap")
    file.record(Query(1, 2, None, errno.EINVAL), START, START)
    file.finish("error")
    assert file.failed is not None and file.failed.strerror == "KeyError: 'x'"


def test_the_recording_starts_before_the_first_answer_however_late_its_thread_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, late, now = threading.Thread.start, list[threading.Thread](), START

    def hold_back(thread: threading.Thread) -> None:
        late.append(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", hold_back)
        fd = os.open(tmp_path / "a.mcap", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        file = CaptureFile(fd, context(), lambda: now)
    file.record(Query(1, 2, b"first"), now, now)
    now += 20_000_000
    file.record(Query(1, 2, b"second"), now, now)
    start(late[0])
    file.finish("duration")
    reader = RecordingFile(tmp_path / "a.mcap")
    recording = reader.recording
    answers = [recording.query(1, 2, ns) for ns in (0, 19_000_000, 20_000_000)]
    reader.close()
    assert [each and each.answer for each in answers] == [b"first", b"first", b"second"]


def test_without_a_thread_the_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_threads(monkeypatch)
    with pytest.raises(BlockingIOError, match="no thread can be started"):
        _file(tmp_path / "a.mcap")
