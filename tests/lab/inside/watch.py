"""The state of the kernel: its log, its taint flags, and the number of dma-bufs."""

import os
import re
import time
from pathlib import Path

BUFINFO = Path("/sys/kernel/debug/dma_buf/bufinfo")
TAINTED = Path("/proc/sys/kernel/tainted")

# kernel.org, admin-guide/tainted-kernels: BAD_PAGE 5, DIE 7, WARN 9, SOFTLOCKUP 14. The sample drivers themselves
# set out-of-tree (12) and unsigned (13), which are no faults.
BAD_TAINT = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14

BAD = re.compile(
    r"\b(BUG|WARNING|Oops|Kernel panic|Call Trace|UBSAN|refcount_t|list_(add|del) corruption|general protection|"
    r"unable to handle|Bad page|blocked for more than|detected stall)\b",
    re.IGNORECASE,
)


class KernelLog:
    """The kernel's messages from now on, from /dev/kmsg."""

    def __init__(self) -> None:
        self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self._fd, 0, os.SEEK_END)

    def read(self) -> list[str]:
        lines: list[str] = []
        while True:
            try:
                record = os.read(self._fd, 8192)
            except BlockingIOError:
                return lines
            except BrokenPipeError:  # messages were overwritten; the next read returns the oldest one left
                continue
            lines.append(record.decode(errors="replace").split(";", 1)[-1].rstrip("\n"))

    def close(self) -> None:
        os.close(self._fd)


def complaints(lines: list[str]) -> list[str]:
    return [line for line in lines if BAD.search(line)]


def bad_taint() -> int:
    return int(TAINTED.read_text()) & BAD_TAINT


def dmabufs() -> int:
    """The number of dma-bufs of the sample drivers. Mesa and weston have other ones."""
    text = BUFINFO.read_text()
    if "exp_name" not in text:
        raise AssertionError(f"{BUFINFO} has an unknown format")
    return len(re.findall(r"\tmbochs\w*\s", text))


def dmabufs_after(seconds: float) -> int:
    """The same, after waiting for 0: the kernel drops the last reference after close() has returned."""
    until = time.monotonic() + seconds
    while (left := dmabufs()) and time.monotonic() < until:
        time.sleep(0.1)
    return left
