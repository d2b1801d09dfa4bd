"""Calls of the operating system that fail on demand, and a check of what a command makes of that.

Only calls from this program's own code fail, in whatever module of the standard library they are made.
"""

import errno
import fcntl
import gc
import io
import mmap
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import numpy as np

from tests.conftest import open_files
from ui.cli.main import main

_OURS = tuple(str(Path(__file__).resolve().parents[2] / each) + os.sep for each in ("app", "gl", "ui"))

# What fails, by the call that fails, with the errnos that Linux documents for it where memory, fds or space are short.
# MemoryError and RuntimeError stand for what numpy and threading raise. poll(2) of a few fds needs no memory.
NO_FD = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
KINDS: dict[str, tuple[object, str, tuple[int, ...]]] = {
    "open": (os, "open", (*NO_FD, errno.EIO)),
    "io.open": (io, "open", (*NO_FD, errno.EIO)),
    "dup": (os, "dup", NO_FD),
    "memfd_create": (os, "memfd_create", NO_FD),
    "eventfd": (os, "eventfd", NO_FD),
    "pidfd_open": (os, "pidfd_open", NO_FD),
    "pipe": (os, "pipe", NO_FD),
    "posix_spawn": (os, "posix_spawn", (errno.EAGAIN, errno.ENOMEM, errno.ENOENT)),
    "posix_spawnp": (os, "posix_spawnp", (errno.EAGAIN, errno.ENOMEM, errno.ENOENT)),
    "ftruncate": (os, "ftruncate", (errno.ENOSPC, errno.EIO)),
    "fstat": (os, "fstat", (errno.EIO, errno.ENOMEM)),
    "stat": (os, "stat", (errno.EIO, errno.ENOMEM)),
    "readlink": (os, "readlink", (errno.EIO, errno.ENOMEM)),
    "pread": (os, "pread", (errno.EIO, errno.ENOMEM)),
    "read": (os, "read", (errno.EIO, errno.ENOMEM)),
    "pwrite": (os, "pwrite", (errno.EIO, errno.ENOSPC)),
    "write": (os, "write", (errno.EIO, errno.ENOSPC)),
    "listdir": (os, "listdir", (*NO_FD, errno.EIO)),
    "scandir": (os, "scandir", (*NO_FD, errno.EIO)),
    "ioctl": (fcntl, "ioctl", (errno.EINVAL, errno.EIO, errno.ENOMEM, errno.EMFILE)),
    "fcntl": (fcntl, "fcntl", (errno.EMFILE, errno.EINVAL)),
    "flock": (fcntl, "flock", (errno.ENOLCK, errno.EWOULDBLOCK)),
    "mmap": (mmap, "mmap", (errno.ENOMEM, errno.EAGAIN, errno.ENODEV)),
    "socket": (socket, "socket", NO_FD),
    "thread": (threading.Thread, "start", (0,)),
    "empty": (np, "empty", (0,)),
    "zeros": (np, "zeros", (0,)),
    "full": (np, "full", (0,)),
    "frombuffer": (np, "frombuffer", (0,)),
}


@dataclass
class Faults:
    """Counts the calls of each kind. The one that is planned fails, and all later ones if it is ``lasting``."""

    kind: str = ""
    number: int = 0
    code: int = 0
    lasting: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    injected: int = 0

    def __str__(self) -> str:
        name = errno.errorcode.get(self.code, "error")
        return f"{self.kind} {self.number}{' and later' if self.lasting else ''}: {name}"

    def error(self, kind: str) -> Exception | None:
        """The error that this call must fail with; None if it must not."""
        if not _called_by_us():
            return None
        number = self.counts[kind]
        self.counts[kind] += 1
        if kind != self.kind or (number < self.number if self.lasting else number != self.number):
            return None
        self.injected += 1
        if kind in ("empty", "zeros", "full", "frombuffer"):
            return MemoryError()
        return (
            RuntimeError("can't start new thread") if kind == "thread" else OSError(self.code, os.strerror(self.code))
        )


def _called_by_us() -> bool:
    """Whether the nearest caller outside the standard library is this program, and imports nothing."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return False
        if name.startswith(_OURS):
            return True
        if "site-packages" in name or f"{os.sep}tests{os.sep}" in name:
            return False
        frame = frame.f_back
    return False


def _failing(kind: str, real: Any, faults: Faults) -> Any:
    if isinstance(real, type):
        make: Any = real.__new__

        def failing_new(cls: type, *arguments: Any, **options: Any) -> Any:
            # With a fd this is an object for a socket that exists, and needs no new fd.
            is_new = kind != "socket" or (len(arguments) < 4 and options.get("fileno") is None)
            if is_new and (error := faults.error(kind)) is not None:
                raise error
            return make(cls, *arguments, **options)

        # The code asks whether something is an instance of the class.
        return type(real.__name__, (real,), {"__new__": failing_new})

    def failing(*arguments: Any, **options: Any) -> Any:
        if (error := faults.error(kind)) is not None:
            raise error
        return real(*arguments, **options)

    return failing


@contextmanager
def injected(faults: Faults) -> Iterator[Faults]:
    """While this lasts the calls are counted, and those that are planned fail."""
    with ExitStack() as stack:
        for kind, (owner, name, _) in KINDS.items():
            stack.enter_context(mock.patch.object(owner, name, _failing(kind, getattr(owner, name), faults)))
        yield faults


@contextmanager
def nothing_is_lost(problems: list[str]) -> Iterator[None]:
    """Adds to ``problems`` what is left open, what a thread or a finalizer raised, and threads that go on."""
    files, threads = open_files(), set(threading.enumerate())
    with (
        mock.patch.object(sys, "unraisablehook", lambda args: problems.append(f"ignored: {args.exc_value!r}")),
        mock.patch.object(threading, "excepthook", lambda args: problems.append(f"in a thread: {args.exc_value!r}")),
    ):
        yield
        for thread in set(threading.enumerate()) - threads:
            thread.join(5)
            if thread.is_alive():
                problems.append(f"thread left: {thread.name}")
    if open_files() - files:
        gc.collect()
    if left := open_files() - files:
        problems.append(f"left open: {dict(left)}")


def run_command(arguments: list[str], faults: Faults) -> list[str]:
    """Run a command with faults. Returns what is wrong with its end; nothing, if it kept its promises."""
    problems: list[str] = []
    out, err = io.StringIO(), io.StringIO()
    status: int | None = None
    with nothing_is_lost(problems):
        try:
            with redirect_stdout(out), redirect_stderr(err), injected(faults):
                status = main(arguments)
        except BaseException as error:
            problems.append(f"raised {error!r}")
    lines = err.getvalue().splitlines()
    if status not in (None, *range(6)):
        problems.append(f"exit status {status}")
    # doctor reports what is wrong with the host on standard output.
    if (
        status
        and not (arguments[0] == "doctor" and status == 1 and out.getvalue())
        and (len(lines) != 1 or not lines[0].startswith("mdevview: "))
    ):
        problems.append(f"status {status} with the lines {lines}")
    if status == 0 and lines:
        problems.append(f"done, but said {lines}")
    if any("internal error" in line for line in lines):
        problems.append(lines[-1])
    return [f"{' '.join(arguments)}: {faults}: {each}" for each in problems]


def count_calls(arguments: list[str]) -> Counter[str]:
    """How many calls of each kind a command makes. The first run also imports what the command needs."""
    for _ in range(2):
        faults = Faults()
        assert run_command(arguments, faults) == []
    return faults.counts
