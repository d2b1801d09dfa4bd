"""Processes with command lines of a gigabyte: ``python -m ... COUNT``. They end with the end of standard input.

All of them name themselves and their VM like a real one. The memory of the command lines is never touched, except for
the start, which is full of short arguments. If it is started by root, it takes the rights of nobody first.
"""

import ctypes
import mmap
import os
import signal
import struct
import sys
from pathlib import Path

_GIB = 1 << 30
# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_MM, _PR_SET_MM_MAP = 1, 15, 35, 14
# include/uapi/asm-generic/mman-common.h
_MAP_NORESERVE = 0x4000
_NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(*values: int) -> None:
    if _libc.prctl(*(ctypes.c_ulong(each) for each in values), *[ctypes.c_ulong(0)] * (5 - len(values))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _set_command_line(start: int, end: int) -> None:
    """struct prctl_mm_map: all addresses stay what they are, except for those of the command line."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start_code, end_code, start_stack = (int(fields[each]) for each in (23, 24, 25))
    start_data, end_data, start_brk = (int(fields[each]) for each in (42, 43, 44))
    _libc.sbrk.restype = ctypes.c_void_p
    brk = _libc.sbrk(ctypes.c_long(0))
    addresses = (start_code, end_code, start_data, end_data, start_brk, brk, start_stack, start, end, end, end)
    packed = ctypes.create_string_buffer(struct.pack("=11QQIi", *addresses, 0, 0, -1))
    _prctl(_PR_SET_MM, _PR_SET_MM_MAP, ctypes.addressof(packed), len(packed) - 1)


def main() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    memory = mmap.mmap(-1, _GIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
    text = b"qemu-system-x86_64\0-name\0guest=win10\0" + b"aa\0" * 90_000
    memory[: len(text)] = text
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _set_command_line(start, start + _GIB - mmap.PAGESIZE)
    _prctl(_PR_SET_NAME, ctypes.addressof(ctypes.create_string_buffer(b"qemu-system-x86")))
    for _ in range(int(sys.argv[1]) - 1):
        if os.fork() == 0:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            while True:
                signal.pause()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
