"""Reads the kernel's log from /dev/kmsg (Documentation/ABI/testing/dev-kmsg). It never waits for a new line."""

import errno
import os
import time
from collections import deque
from collections.abc import Iterator

from app.errors import error_text
from app.host.log_line import Accept, LogLine, LogRefused
from app.host.paths import HOST, Paths

# A record is at most 8 KiB long (PRINTKRB_RECORD_MAX in kernel/printk/internal.h, CONSOLE_EXT_LOG_MAX before).
_LONGEST = 1 << 14
_KERNEL = 0

_REMEDY = "sudo sysctl kernel.dmesg_restrict=0 lets every user read it; or join the group adm or systemd-journal"


def read_kernel_log(
    accept: Accept, most: int, paths: Paths = HOST, limit_s: float = 0.4, now_s: float | None = None
) -> list[LogLine]:
    """The last ``most`` lines that are accepted, the oldest first. Raises LogRefused.

    Takes ``limit_s`` seconds at most, and then knows only the older lines. ``now_s`` is ``time.monotonic()``.
    """
    now_s = time.monotonic() if now_s is None else now_s
    until = time.monotonic() + limit_s
    found: deque[LogLine] = deque(maxlen=most)
    for chunk in _chunks(paths):
        for each in parse_records(chunk, now_s):
            if accept(each.level, each.text):
                found.append(each)
        if time.monotonic() > until:
            break
    return list(found)


def parse_records(data: bytes, now_s: float) -> Iterator[LogLine]:
    """The kernel's own messages in what was read: one record, or several. What is no record is left out.

    A record is ``PRIORITY,NUMBER,MICROSECONDS,FLAGS[,MORE];TEXT``, then lines that start with a space. Programs of root
    may write to the log, too; the facility in the priority tells them from the kernel.
    """
    for line in data.split(b"\n"):
        if line[:1] in (b" ", b""):
            continue
        head, semicolon, text = line.partition(b";")
        fields = head.split(b",")
        if not semicolon or len(fields) < 4:
            continue
        # More digits are no number of the kernel's, and int() refuses some thousands.
        if not all(each.isdigit() and len(each) <= 20 for each in (fields[0], fields[2])):
            continue
        priority = int(fields[0])
        if priority >> 3 == _KERNEL:
            yield LogLine(priority & 7, max(0.0, now_s - int(fields[2]) / 1e6), text.decode("utf-8", "replace"))


def _chunks(paths: Paths) -> Iterator[bytes]:
    file = paths.dev / "kmsg"
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise LogRefused(_refusal(error, paths)) from error
    try:
        while True:
            try:
                data = os.read(fd, _LONGEST)
            except BlockingIOError:
                return
            except BrokenPipeError:
                # The record was overwritten before it was read.
                continue
            except OSError as error:
                # A sandbox may allow the open, and refuse the read.
                raise LogRefused(_refusal(error, paths)) from error
            if not data:
                return
            yield data
    finally:
        os.close(fd)


def _refusal(error: OSError, paths: Paths) -> str:
    file = paths.dev / "kmsg"
    if error.errno in (errno.EPERM, errno.EACCES):
        return f"{file}: {error_text(error)}; {_REMEDY}"
    return f"{file}: {error_text(error)}"
