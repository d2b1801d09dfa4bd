"""The CSV file of ``measure``: one row for each submitted picture. Its columns do not change within a version."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress

from app.measure.record.frame_record import FrameRecord

HEADER = (
    "# mdevview measure csv 1\n"
    "frame,seen_ns,previous_poll_ns,dmabuf_id,query_us,fetch_us,import_us,submit_ns,submit_us,gpu_us,present_ns,kind\n"
)
"""Times in ``_ns`` are CLOCK_MONOTONIC, durations in ``_us`` microseconds; NA is unknown."""


def csv_row(record: FrameRecord) -> str:
    """One line of the file."""
    return (
        f"{record.number},{_time(record.seen_ns)},{_time(record.previous_poll_ns)},{_time(record.dmabuf_id)},"
        f"{_us(record.query_ns)},{_us(record.fetch_ns)},{_us(record.import_ns)},{record.submit_ns},"
        f"{_us(record.submit_ns - record.begin_ns)},{_us(record.gpu_ns)},{_time(record.present_ns)},{record.kind}\n"
    )


class CsvFile:
    """Writes rows to an open file, each with one system call, so that a killed run leaves whole lines.

    ``failed`` is the error of a write: the measurement goes on without the file. Owns ``fd``.
    """

    def __init__(self, fd: int, write: Callable[[int, bytes], int] = os.write) -> None:
        self._fd = fd
        self._write = write
        self.failed: OSError | None = None
        self._append(HEADER)

    def add(self, record: FrameRecord) -> None:
        """Write a row."""
        if self.failed is None and self._fd >= 0:
            self._append(csv_row(record))

    def close(self) -> None:
        """More calls do nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _append(self, text: str) -> None:
        data, written = text.encode("ascii"), 0
        try:
            while written < len(data):
                written += self._write(self._fd, data[written:])
        except OSError as error:
            self.failed = error
            self._remove_part(written)

    def _remove_part(self, written: int) -> None:
        """Remove the part of a row that a full disk had room for: a number without its end looks like another one."""
        with suppress(OSError):
            status = os.fstat(self._fd)
            if written and stat.S_ISREG(status.st_mode):
                os.ftruncate(self._fd, status.st_size - written)


def _time(value: int | None) -> str:
    return "NA" if value is None else str(value)


def _us(ns: int | None) -> str:
    return "NA" if ns is None else f"{ns / 1000:.1f}"
