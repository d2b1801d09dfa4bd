"""Makes pages of the kernel's trace buffer (kernel/trace/ring_buffer.c), with events as sys_*_ioctl have them."""

import struct

START_ID, END_ID = 898, 897

_COMMON = """\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
"""
# The files of a Linux 6.18 kernel.
START_FORMAT = f"""name: sys_enter_ioctl
ID: {START_ID}
format:
{_COMMON}\tfield:unsigned int fd;\toffset:16;\tsize:8;\tsigned:0;
\tfield:unsigned int cmd;\toffset:24;\tsize:8;\tsigned:0;
\tfield:unsigned long arg;\toffset:32;\tsize:8;\tsigned:0;

print fmt: "fd: 0x%08lx, cmd: 0x%08lx, arg: 0x%08lx", ((unsigned long)(REC->fd))
"""
END_FORMAT = f"""name: sys_exit_ioctl
ID: {END_ID}
format:
{_COMMON}\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;

print fmt: "0x%lx", REC->ret
"""


def start(tid: int, fd: int, request: int) -> bytes:
    return struct.pack("<HBBiixxxxQQQ", START_ID, 0, 0, tid, 16, fd, request, 0x7FFD609E6F30)


def end(tid: int, value: int) -> bytes:
    return struct.pack("<HBBiixxxxq", END_ID, 0, 0, tid, 16, value)


def event(delta_ns: int, data: bytes) -> bytes:
    """A record ``delta_ns`` after the one before. Data is padded to words, as the kernel does."""
    head = b""
    if delta_ns >> 27:
        head = struct.pack("<II", 30 | (delta_ns & 0x7FFFFFF) << 5, delta_ns >> 27)
        delta_ns = 0
    data += bytes(-len(data) % 4)
    if 0 < len(data) <= 28 * 4:
        return head + struct.pack("<I", len(data) // 4 | delta_ns << 5) + data
    return head + struct.pack("<II", delta_ns << 5, len(data) + 4) + data


def discarded(delta_ns: int, length: int) -> bytes:
    """A record that a filter took out."""
    return struct.pack("<II", 29 | delta_ns << 5, length + 4) + bytes(length)


def page(time_ns: int, *events: bytes, lost: int | None = 0, size: int = 4096) -> bytes:
    """``lost``: None means some that are not counted."""
    data = b"".join(events)
    commit = len(data) | (0 if lost == 0 else 1 << 31) | (1 << 30 if lost else 0)
    whole = struct.pack("<QQ", time_ns, commit) + data + (struct.pack("<Q", lost) if lost else b"")
    assert len(whole) <= size
    # The rest of a page that is read has bytes of earlier events.
    return whole + b"\xa5" * (size - len(whole))
