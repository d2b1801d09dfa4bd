"""The CSV file: its columns, and whole lines whatever happens to the file."""

import errno
import os
from pathlib import Path

import pytest

from app.measure.record.csv_file import HEADER, CsvFile, csv_row
from app.measure.record.frame_record import FrameRecord, Kind
from tests.unit.app.measure.records import MS, flip

_COLUMNS = (
    "frame,seen_ns,previous_poll_ns,dmabuf_id,query_us,fetch_us,import_us,submit_ns,submit_us,gpu_us,present_ns,kind"
)


def _new(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)


def test_rows_have_the_published_columns(tmp_path: Path) -> None:
    file = CsvFile(_new(tmp_path / "a.csv"))
    file.add(flip(1, MS, 2 * MS, 3 * MS, gpu_ns=1500, present_ns=20 * MS))
    file.add(FrameRecord(2, Kind.REPEAT, None, None, None, None, None, None, 4 * MS, 4 * MS + 50))
    file.close()
    file.close()
    version, columns, first, second = (tmp_path / "a.csv").read_text("ascii").splitlines()
    assert (version, columns) == ("# mdevview measure csv 1", _COLUMNS)
    assert first == "1,2000000,1000000,1,20.0,NA,NA,3000000,100.0,1.5,20000000,flip"
    assert second == "2,NA,NA,NA,NA,NA,NA,4000050,0.1,NA,NA,repeat"


def test_row_is_written_before_the_next_frame(tmp_path: Path) -> None:
    """A killed run leaves whole lines."""
    file = CsvFile(_new(tmp_path / "a.csv"))
    row = flip(1, MS, 2 * MS, 3 * MS)
    file.add(row)
    assert (tmp_path / "a.csv").read_text("ascii") == HEADER + csv_row(row)
    file.close()


def test_rows_are_whole_when_the_kernel_takes_them_in_parts(tmp_path: Path) -> None:
    file = CsvFile(_new(tmp_path / "a.csv"), lambda fd, data: os.write(fd, data[:7]))
    file.add(flip(1, MS, 2 * MS, 3 * MS))
    file.close()
    assert (tmp_path / "a.csv").read_text("ascii") == HEADER + csv_row(flip(1, MS, 2 * MS, 3 * MS))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EIO])
def test_failed_write_is_told_once_and_ends_nothing(tmp_path: Path, number: int) -> None:
    calls = []

    def fail(_fd: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) > 1:
            raise OSError(number, os.strerror(number))
        return len(data)

    file = CsvFile(_new(tmp_path / "a.csv"), fail)
    for _ in range(3):
        file.add(flip(1, MS, 2 * MS, 3 * MS))
    file.close()
    assert file.failed is not None and file.failed.errno == number
    assert len(calls) == 2


def test_a_disk_that_becomes_full_leaves_whole_lines(tmp_path: Path) -> None:
    room = [len(HEADER) + 30]

    def write(fd: int, data: bytes) -> int:
        part = data[: room[0]]
        if not part:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= len(part)
        return os.write(fd, part)

    file = CsvFile(_new(tmp_path / "a.csv"), write)
    file.add(flip(1, MS, 2 * MS, 3 * MS))
    file.add(flip(2, MS, 2 * MS, 3 * MS))
    file.close()
    assert file.failed is not None
    assert (tmp_path / "a.csv").read_text("ascii") == HEADER
