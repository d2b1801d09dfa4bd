"""Granted pages: memfds of fake domains, and the table that says which reference is which page."""

import errno
import fcntl
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

PAGE = 4096


def pages_of(size: int) -> int:
    """The pages that ``size`` bytes need."""
    return -(-size // PAGE)


def new_memory(size: int) -> int:
    """A memfd of whole pages that nobody shortens. The caller owns it."""
    fd = os.memfd_create("xen-pages", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, pages_of(size) * PAGE)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd


@dataclass(eq=False)
class GrantedFile:
    """Owns a duplicate of a memfd for as long as one of its pages is granted."""

    fd: int
    granted: int = 0


@dataclass(frozen=True, slots=True)
class GrantedPage:
    file: GrantedFile
    index: int
    to: int
    writable: bool


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` pages of a file that follow each other."""

    fd: int
    index: int
    count: int


class GrantTable:
    """The grant tables of all domains of a fake host. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[tuple[int, int], GrantedPage] = {}
        self._next: dict[int, int] = {}

    def grant(self, domid: int, fd: int, count: int, to: int, *, writable: bool, first: int = 0) -> tuple[int, ...]:
        """Let domain ``to`` map ``count`` pages of a memfd of domain ``domid``. Returns the references."""
        file = GrantedFile(os.dup(fd), count)
        with self._lock:
            start = self._next.get(domid, 8)
            self._next[domid] = start + count
            refs = tuple(range(start, start + count))
            for at, ref in enumerate(refs):
                self._pages[domid, ref] = GrantedPage(file, first + at, to, writable)
        return refs

    def revoke(self, domid: int, refs: Sequence[int]) -> None:
        """Mappings that exist stay. References that are not granted are no error."""
        with self._lock:
            for ref in refs:
                page = self._pages.pop((domid, ref), None)
                if page is not None:
                    page.file.granted -= 1
                    if not page.file.granted:
                        os.close(page.file.fd)

    def revoke_all(self, domid: int | None = None) -> None:
        """Those of one domain, or of all."""
        with self._lock:
            owned = [key for key in self._pages if domid is None or key[0] == domid]
        for owner, ref in owned:
            self.revoke(owner, [ref])

    def granted(self, domid: int) -> int:
        """So many pages of a domain are granted."""
        with self._lock:
            return sum(owner == domid for owner, _ in self._pages)

    def runs(self, domid: int, refs: Sequence[int], mapper: int, *, writable: bool) -> list[Run]:
        """Where the pages are. Each fd is a duplicate that the caller closes.

        Raises OSError(EINVAL) for a reference that ``mapper`` may not map, and for no reference at all.
        """
        if not refs:
            raise OSError(errno.EINVAL, "no references")
        with self._lock:
            found: list[tuple[GrantedFile, int, int]] = []
            for ref in refs:
                page = self._pages.get((domid, ref))
                if page is None or page.to != mapper or (writable and not page.writable):
                    raise OSError(errno.EINVAL, f"reference {ref} of domain {domid}")
                if found and found[-1][0] is page.file and found[-1][1] + found[-1][2] == page.index:
                    found[-1] = (page.file, found[-1][1], found[-1][2] + 1)
                else:
                    found.append((page.file, page.index, 1))
            return [Run(os.dup(file.fd), index, count) for file, index, count in found]
