"""One page that a guest shares with this domain: words, copies, the order of writes. The guest may change it."""

import threading

from app.xen.abi.page import XEN_PAGE_SIZE

_fence_lock = threading.Lock()


def fence() -> None:
    """No access to shared memory moves over this call, as with the kernel's ``virt_mb()``.

    To take a lock is an atomic instruction, which x86 does not reorder with any access. ARM keeps the order over the
    release of a lock and the next acquisition.
    """
    for _ in range(2):
        with _fence_lock:
            pass


class SharedPage:
    """A view of a page. The mapping belongs to the caller, who releases this view before the mapping.

    Words are read and written in one access: a word in 4 pieces may mix an old value with a new one.
    """

    def __init__(self, page: memoryview) -> None:
        """Raises ValueError if the memory is not one page."""
        if page.nbytes != XEN_PAGE_SIZE:
            raise ValueError(f"{page.nbytes} bytes are not a page")
        self._bytes = page.cast("B")
        self._words = self._bytes.cast("I")

    def word(self, offset: int) -> int:
        """The u32 at a byte offset that 4 divides."""
        return self._words[offset // 4]

    def set_word(self, offset: int, value: int) -> None:
        """Write a u32, modulo 2**32, at a byte offset that 4 divides."""
        self._words[offset // 4] = value & 0xFFFFFFFF

    def copy(self, offset: int, size: int) -> bytes:
        """A copy that the guest cannot change any more. It may hold old and new values mixed."""
        return bytes(self._bytes[offset : offset + size])

    def write(self, offset: int, content: bytes) -> None:
        self._bytes[offset : offset + len(content)] = content

    def release(self) -> None:
        """May be called twice. Everything else raises ValueError afterwards."""
        self._words.release()
        self._bytes.release()
