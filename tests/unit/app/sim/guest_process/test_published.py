"""Shared memory between a process that writes and one that reads, without locks."""

import errno
import mmap
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sim.guest_process.published import Published
from tests.unit.command import REPOSITORY
from tests.unit.sim_tools import refused

_PATIENCE_S = 60.0
# What is read at least, and for how long after the first record.
_RECORDS, _READING_S = 100, 0.5

LAYOUT = "=8Q"
WRITER = """
import mmap, sys, time
from app.sim.guest_process.published import Published
memory = mmap.mmap(int(sys.argv[1]), Published.size("=8Q"))
published = Published(memoryview(memory), "=8Q")
# It is killed long before that.
end, count = time.monotonic() + 120, 0
while time.monotonic() < end:
    count += 1
    published.show(published.prepare(*[count] * 8))
"""


@contextmanager
def record(memory: bytearray) -> Iterator[Published]:
    published = Published(memoryview(memory), LAYOUT)
    try:
        yield published
    finally:
        published.release()
        published.release()


def test_there_is_no_record_at_first() -> None:
    with record(bytearray(Published.size(LAYOUT))) as published:
        assert (published.number, published.read()) == (0, (0, ()))


@given(st.lists(st.tuples(st.lists(st.integers(0, 2**64 - 1), min_size=8, max_size=8), st.booleans()), max_size=200))
def test_the_reader_sees_the_last_record_that_was_shown(writes: list[tuple[list[int], bool]]) -> None:
    """A record that the writer has begun and not shown, because it was stopped or has died, is not seen."""
    memory = bytearray(Published.size(LAYOUT))
    shown: tuple[int, ...] = ()
    with record(memory) as writer, record(memory) as reader:
        for values, finished in writes:
            number = writer.prepare(*values)
            if finished:
                writer.show(number)
                shown = tuple(values)
            assert reader.read()[1] == shown


def test_a_reader_never_sees_parts_of_two_records() -> None:
    """Another process writes as fast as it can meanwhile."""
    fd = os.memfd_create("published", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, Published.size(LAYOUT))
        with mmap.mmap(fd, Published.size(LAYOUT)) as memory, memoryview(memory) as view:
            published = Published(view, LAYOUT)
            child = subprocess.Popen([sys.executable, "-c", WRITER, str(fd)], cwd=REPOSITORY, pass_fds=(fd,))
            before, records, times = 0, 0, 0
            begun = enough = time.monotonic()
            try:
                # Both processes may have to share one processor, and the writer may start late.
                while records < _RECORDS or time.monotonic() < enough:
                    assert child.poll() is None and time.monotonic() < begun + _PATIENCE_S, f"{records} records"
                    for _ in range(1000):
                        shown_ns, values = published.read()
                        assert len(set(values)) <= 1, f"torn: {values}"
                        if values and values[0] != before:
                            assert values[0] > before and shown_ns >= times
                            before, times, records = values[0], shown_ns, records + 1
                            enough = enough if records > 1 else time.monotonic() + _READING_S
                assert child.poll() is None
            finally:
                child.kill()
                child.wait()
                published.release()
    finally:
        os.close(fd)


@pytest.mark.parametrize("place", [0, 8, 64, 72])
def test_a_record_of_which_a_part_is_not_visible_yet_is_not_seen(place: int) -> None:
    """The number of the current record is visible before its contents, on processors that order stores freely."""
    memory = bytearray(Published.size(LAYOUT))
    with record(memory) as writer, record(memory) as reader:
        for count in range(100):
            writer.show(writer.prepare(*[count] * 8))
        older = bytes(memory)
        # The slot of the next record holds one that is older.
        writer.show(writer.prepare(*[100] * 8))
        start = 64 + 101 % 64 * 128 + place
        # The time is cleared while a record is written.
        memory[start : start + 8] = older[start : start + 8] if place else bytes(8)
        with refused(errno.EIO):
            reader.read()


def test_damaged_memory_is_an_error_and_no_hang() -> None:
    memory = bytearray(Published.size(LAYOUT))
    with record(memory) as published:
        published.show(published.prepare(*range(8)))
        struct.pack_into("=Q", memory, 0, 77)
        with refused(errno.EIO):
            published.read()
