"""Traces the display ioctls (query and fetch) of another process, on all its threads, with the kernel's times.

Only the start of an ioctl has its request number, so only starts can be filtered by it. A process such as a VM calls
thousands of other ioctls a second on its other threads. So the ends are traced only of threads that have queried a
plane: the first call of each thread has no end.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.abi import vfio
from app.errors import MdevviewError
from app.host.paths import HOST, Paths
from app.host.process import Process
from app.tracing.instance import TraceInstance
from app.tracing.ioctl_events import IoctlDecoder, IoctlEvent, IoctlStart
from app.tracing.ring_page import parse_page
from app.tracing.tracefs import check_pid_namespace, find_tracefs, refused

_START, _END = "events/syscalls/sys_enter_ioctl", "events/syscalls/sys_exit_ioctl"
_REQUESTS = (vfio.VFIO_DEVICE_QUERY_GFX_PLANE, vfio.VFIO_DEVICE_GET_GFX_DMABUF)
# For each CPU. A viewer that polls two planes each millisecond makes 200 KB of events in a second.
_BUFFER_KB = 512
# Twice as many as the buffer has: what comes meanwhile does not keep a reader for ever.
_ALL_PAGES = 2 * _BUFFER_KB // 4
# The size of a page of the buffer (events/header_page) may be changed by root; it is a power of two.
_LARGEST_PAGE = 1 << 16
# More threads than a viewer polls with. The kernel limits the text of a filter to a page.
_MOST_THREADS = 16
# Threads of which something is remembered. A process may start any number of them.
_MOST_KNOWN = 4096
# New threads may come while the existing ones are listed.
_LISTINGS = 5


@dataclass(frozen=True, slots=True)
class TraceBatch:
    """Events in the order of their times. ``lost`` is how many were lost at least."""

    events: tuple[IoctlEvent, ...]
    lost: int


class IoctlTrace:
    """Owns a trace instance and its open files. All calls come from one thread; none of them waits."""

    def __init__(self, instance: TraceInstance, fds: list[int], decoder: IoctlDecoder, is_own: Callable[[int], bool]):
        self._instance = instance
        self._fds = fds
        self._decoder = decoder
        self._is_own = is_own
        self._own: dict[int, bool] = {}
        # By thread: since when the ends of its calls are traced, and when its call began whose end is to come.
        self._ends_since: dict[int, int] = {}
        self._began: dict[int, int] = {}

    @classmethod
    def open(cls, process: Process, paths: Paths = HOST) -> "IoctlTrace":
        """Trace a process, until :meth:`close`. Raises MdevviewError: PermissionDenied if this user may not."""
        check_pid_namespace(paths)
        tracefs = find_tracefs(paths)
        instance = TraceInstance.create(tracefs)
        fds: list[int] = []
        try:
            _need_events(instance, tracefs)
            decoder = IoctlDecoder(instance.read(f"{_START}/format"), instance.read(f"{_END}/format"))
            _set_up(instance, process.pid, paths)
            for each in sorted((instance.folder / "per_cpu").glob("cpu[0-9]*")):
                fds.append(os.open(each / "trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            instance.write(f"{_START}/enable", "1")
        except OSError as error:
            _close(fds, instance)
            raise refused(f"the trace of process {process.pid} cannot be set up", error) from error
        except ValueError as error:
            _close(fds, instance)
            raise MdevviewError(f"this kernel's trace events are unknown: {error}") from error
        except BaseException:
            _close(fds, instance)
            raise
        return cls(instance, fds, decoder, lambda tid: _is_thread(process.pid, tid, paths))

    def read(self, pages: int = _ALL_PAGES) -> TraceBatch:
        """What has happened, at most so many pages of each CPU. Raises OSError, and ValueError for invalid data."""
        events: list[IoctlEvent] = []
        lost = 0
        for fd in self._fds:
            for _ in range(pages):
                try:
                    data = os.read(fd, _LARGEST_PAGE)
                except BlockingIOError:
                    break
                if not data:
                    break
                page = parse_page(data)
                lost += 1 if page.lost is None else page.lost
                decoded = (self._decoder.decode(each) for each in page.records)
                events += [each for each in decoded if each is not None and self._counts(each.tid)]
        events.sort(key=lambda each: each.time_ns)
        told = [each for each in events if self._is_told(each)]
        self._trace_ends(events)
        return TraceBatch(tuple(told), lost)

    def close(self) -> None:
        """Stop tracing and remove the instance; more calls do nothing."""
        fds, self._fds = self._fds, []
        _close(fds, self._instance)

    def __enter__(self) -> "IoctlTrace":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _counts(self, tid: int) -> bool:
        """Whether it is a thread of the process: a child that it starts is traced as well."""
        own = self._own.get(tid)
        if own is None:
            if len(self._own) >= _MOST_KNOWN:
                self._own.clear()
            own = self._own[tid] = self._is_own(tid)
        return own

    def _is_told(self, event: IoctlEvent) -> bool:
        """Whether it is a start, or the end of a display ioctl. A thread may call others in between."""
        if isinstance(event, IoctlStart):
            if len(self._began) >= _MOST_KNOWN:
                self._began.clear()
            self._began[event.tid] = event.time_ns
            return True
        began = self._began.pop(event.tid, None)
        return began is not None and began >= self._ends_since.get(event.tid, began + 1)

    def _trace_ends(self, events: list[IoctlEvent]) -> None:
        """Trace the ends of the calls of those threads that have called."""
        new = {each.tid for each in events if isinstance(each, IoctlStart)} - set(self._ends_since)
        if not new or len(self._ends_since) >= _MOST_THREADS:
            return
        threads = [*self._ends_since, *sorted(new)][:_MOST_THREADS]
        self._instance.write(f"{_END}/filter", " || ".join(f"common_pid == {tid}" for tid in threads))
        self._instance.write(f"{_END}/enable", "1")
        now = time.monotonic_ns()
        for tid in threads:
            self._ends_since.setdefault(tid, now)


def _need_events(instance: TraceInstance, tracefs: Path) -> None:
    if not (instance.folder / "events/syscalls").is_dir():
        raise MdevviewError(
            f"the kernel does not trace system calls: {tracefs}/events/syscalls is missing",
            "use a kernel built with CONFIG_FTRACE_SYSCALLS, as those of Debian, Fedora, Ubuntu and Arch are",
        )


def _set_up(instance: TraceInstance, pid: int, paths: Paths) -> None:
    """Raises OSError."""
    # The clock of time.monotonic_ns().
    instance.write("trace_clock", "mono")
    instance.write("buffer_size_kb", str(_BUFFER_KB))
    instance.write(f"{_START}/filter", " || ".join(f"cmd == {number:#x}" for number in _REQUESTS))
    # Threads that are started later are traced as well.
    instance.write("options/event-fork", "1")
    traced: set[int] = set()
    for _ in range(_LISTINGS):
        threads = {int(each.name) for each in (paths.proc / str(pid) / "task").iterdir()} - traced
        if not threads:
            break
        # An open with O_TRUNC would forget the others.
        for tid in sorted(threads):
            instance.write("set_event_pid", f"{tid}\n")
        traced |= threads


def _is_thread(pid: int, tid: int, paths: Paths) -> bool:
    """Whether it is a thread of the process, or has ended: few viewers end a thread that has polled."""
    return (paths.proc / str(pid) / "task" / str(tid)).exists() or not (paths.proc / str(tid)).exists()


def _close(fds: list[int], instance: TraceInstance) -> None:
    """Close the files first: the kernel removes no instance that is in use."""
    for fd in fds:
        os.close(fd)
    instance.close()
