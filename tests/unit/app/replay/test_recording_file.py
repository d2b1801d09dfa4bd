"""Files of unknown origin as recordings: a clear error, or what is whole."""

import errno
import os
import stat
from pathlib import Path

import pytest
from mcap.opcode import Opcode

from app.errors import NoSuchDevice, PermissionDenied
from app.replay.capture_file import CaptureFile, _File, _Item, _Output
from app.replay.recording_file import BadRecording, RecordingFile
from app.replay.schema import Pixels, Query
from tests.recordings import MS, START, context, record

_DATA_END = bytes((Opcode.DATA_END,)) + (4).to_bytes(8, "little")


def _answers(path: Path) -> list[int | None]:
    """The answers of a file of :func:`_with_chunks`. Raises BadRecording."""
    file = RecordingFile(path)
    file.close()
    queries = file.recording._queries.get((1, 2))
    return [each.errno for each in queries.values()] if queries is not None else []


def _with_chunks(path: Path, number: int) -> None:
    """A recording with one answer and one picture in each chunk."""
    output = _Output(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    file = _File(output, 0)
    file.start(context(), START)
    for each in range(number):
        ns = START + 10 * each * MS
        file.add(_Item(Pixels("cpu", 1, 0, 1, 1, 4, inode=1), b"%d" % each * 20, ns, ns))
        file.add(_Item(Query(1, 2, None, 1 + each), None, ns, ns))
        file.flush()
    file.finish()
    output.close()


def test_a_file_that_is_cut_at_any_byte_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    _with_chunks(tmp_path / "a.mcap", 4)
    data = (tmp_path / "a.mcap").read_bytes()
    whole = _answers(tmp_path / "a.mcap")
    assert whole == [1, 2, 3, 4]
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data)
    found = []
    # Each byte of two attachments and two chunks; of the schemas before them and the summary after them some.
    first = data.index(b"sha256-")
    middle = data.index(b"sha256-", data.index(b"sha256-", first + 1) + 1)
    every, some = range(middle, first, -1), [*range(len(data), middle, -23), *range(first, 0, -23)]
    for length in sorted({*every, *some}, reverse=True):
        os.truncate(cut, length)
        try:
            found.append(_answers(cut))
        except BadRecording:
            continue
        assert found[-1] == whole[: len(found[-1])]
    assert found[0] == whole
    assert [len(each) for each in found] == sorted((len(each) for each in found), reverse=True)
    assert len(found[-1]) == 0


def test_a_file_without_its_end_says_so(tmp_path: Path) -> None:
    _with_chunks(tmp_path / "a.mcap", 2)
    data = (tmp_path / "a.mcap").read_bytes()
    file = RecordingFile(tmp_path / "a.mcap")
    file.close()
    assert file.recording.damage == ""
    (tmp_path / "a.mcap").write_bytes(data[: data.rindex(_DATA_END)])
    file = RecordingFile(tmp_path / "a.mcap")
    file.close()
    assert file.recording.damage == "the end is missing"


def test_a_flipped_byte_in_a_picture_leaves_out_that_picture_alone(tmp_path: Path) -> None:
    record(tmp_path / "a.mcap", "gvt,size=64x64,cursor=off,fps=0", 50)
    file = RecordingFile(tmp_path / "a.mcap")
    (digest,) = file._contents
    attachment = file._contents[digest]
    assert file.contents(digest) is not None
    data = bytearray((tmp_path / "a.mcap").read_bytes())
    data[attachment.offset + attachment.length // 2] ^= 1
    with (tmp_path / "a.mcap").open("r+b") as stream:
        stream.write(data)
    assert file.contents(digest) is None
    assert file.contents("0" * 64) is None
    file.close()


def _context_only(path: Path, **changes: object) -> None:
    file = CaptureFile(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), context(**changes), lambda: START)
    file.record(Query(1, 2, None, 22), START, START)
    file.finish("duration")


def test_a_recording_of_another_version_is_named_as_such(tmp_path: Path) -> None:
    _context_only(tmp_path / "a.mcap", version=2)
    with pytest.raises(BadRecording, match="recording of version 2, and this mdevview knows version 1"):
        RecordingFile(tmp_path / "a.mcap")


def test_an_mcap_file_of_another_program_is_named_as_such(tmp_path: Path) -> None:
    from mcap.writer import Writer  # noqa: PLC0415

    with (tmp_path / "a.mcap").open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="ros2")
        writer.finish()  # type: ignore[no-untyped-call]
    with pytest.raises(BadRecording, match="not of mdevview"):
        RecordingFile(tmp_path / "a.mcap")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, hello")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    for name, match in (
        ("text", "no MCAP file"),
        ("empty", "no MCAP file"),
        ("fifo", "no regular file"),
        (".", "no regular file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(BadRecording, match=match):
            RecordingFile(tmp_path / name)
    with pytest.raises(NoSuchDevice, match="no such file"):
        RecordingFile(tmp_path / "missing")
    if os.geteuid():
        (tmp_path / "text").chmod(0)
        with pytest.raises(PermissionDenied):
            RecordingFile(tmp_path / "text")
    with pytest.raises(BadRecording, match="no regular file"):
        RecordingFile(Path("/dev/null"))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116


def test_a_file_that_the_disk_cannot_tell_of_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_fd: int) -> os.stat_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "a.mcap").touch()
    with monkeypatch.context() as patch, pytest.raises(BadRecording, match="Input/output error"):
        patch.setattr(os, "fstat", refuse)
        RecordingFile(tmp_path / "a.mcap")
