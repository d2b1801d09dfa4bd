"""A :class:`app.xen.access.seam.Store` without a protocol, where thousands of calls must be quick."""

import errno
import os
import threading
from collections.abc import Sequence
from contextlib import suppress

from app.xen.access.seam import WatchEvent
from tests.xen.store_tree import StoreTree, Watch


class DirectStore:
    """Calls the tree."""

    def __init__(self, tree: StoreTree) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._events: list[WatchEvent] = []
        self._watches: dict[tuple[str, str], Watch] = {}

    def fileno(self) -> int:
        return self._fd

    def read(self, path: str) -> str:
        self._check()
        return self._tree.read(path)

    def children(self, path: str) -> tuple[str, ...]:
        self._check()
        return self._tree.children(path)

    def owner(self, path: str) -> int:
        self._check()
        return self._tree.owner(path)

    def write(self, values: Sequence[tuple[str, str]]) -> None:
        self._check()
        self._tree.write_all(values)

    def remove(self, path: str) -> None:
        self._check()
        self._tree.remove(path)

    def watch(self, path: str, token: str) -> None:
        self._check()
        self._watches[path, token] = self._tree.watch(path, token, self._fired)

    def unwatch(self, path: str, token: str) -> None:
        self._check()
        watch = self._watches.pop((path, token), None)
        if watch is None:
            raise OSError(errno.ENOENT, path)
        self._tree.unwatch(watch)

    def events(self) -> tuple[WatchEvent, ...]:
        self._check()
        with self._lock:
            with suppress(BlockingIOError):
                os.eventfd_read(self._fd)
            events, self._events = tuple(self._events), []
        return events

    def close(self) -> None:
        for each in self._watches.values():
            self._tree.unwatch(each)
        self._watches.clear()
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _fired(self, path: str, token: str) -> None:
        with self._lock:
            if self._fd >= 0:
                self._events.append(WatchEvent(path, token))
                os.eventfd_write(self._fd, 1)

    def _check(self) -> None:
        if self._fd < 0:
            raise OSError(errno.EBADF, "the store is closed")
