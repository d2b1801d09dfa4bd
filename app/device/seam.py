"""The device seam: all access to a device goes through :class:`Device`.

The seam is as low as the kernel's interface. A simulated device dispatches on the real request numbers, so the code
above the seam cannot tell it from a driver.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol, runtime_checkable


@runtime_checkable
class Device(Protocol):
    """A VFIO device as a file with six calls. Errors are OSError with the driver's errno.

    After :meth:`close` every other call raises OSError(EBADF).
    """

    def ioctl(self, request: int, buffer: bytearray) -> int:
        """Issue ``request`` with ``buffer``, which is changed in place. Returns the ioctl's value, perhaps a fd."""
        ...

    def pread(self, length: int, offset: int) -> bytes:
        """Read at ``offset`` of the device file; may return less than ``length`` bytes."""
        ...

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write at ``offset`` of the device file. Returns the number of bytes written."""
        ...

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        """Map ``length`` bytes at ``offset`` (both page aligned), shared and read-only; the caller closes it."""
        ...

    def duplicate(self) -> int:
        """Another fd of the device for another process: above 2, closed on exec, the caller's to close.

        Raises OSError(EOPNOTSUPP) for a device inside this process, which has no file.
        """
        ...

    def close(self) -> None:
        """Release the device. More calls do nothing."""
        ...


def new_fd(value: int) -> int:
    """The fd that an ioctl returned. Raises OSError(EBADF) for 0, 1 and 2.

    This program has a file open under each of these numbers, so the kernel gives none of them to another file: the
    driver did not return a fd. Nothing cheap tells this of a greater number.
    """
    if value <= 2:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return value


class FdDevice:
    """A real device. Owns ``fd`` and the ``companions`` that must stay open with it (container, group, iommufd).

    Offsets and lengths come from drivers. A number that is too large for the C type raises OSError(EOVERFLOW).

    The companions are closed after the device, in order: the kernel refuses to unset a container while a device of its
    group is open.
    """

    def __init__(self, fd: int, companions: tuple[int, ...] = ()) -> None:
        self._fd = fd
        self._companions = companions

    def ioctl(self, request: int, buffer: bytearray) -> int:
        result: int = fcntl.ioctl(self._open_fd(), request, buffer)
        return result

    def pread(self, length: int, offset: int) -> bytes:
        with _overflow_is_os_error():
            return os.pread(self._open_fd(), length, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        with _overflow_is_os_error():
            return os.pwrite(self._open_fd(), data, offset)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        with _overflow_is_os_error():
            return mmap.mmap(self._open_fd(), length, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ, offset=offset)

    def duplicate(self) -> int:
        return fcntl.fcntl(self._open_fd(), fcntl.F_DUPFD_CLOEXEC, 3)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        companions, self._companions = self._companions, ()
        with ExitStack() as stack:
            # The stack calls the last one first. If one fails, the others are closed all the same.
            for each in reversed((fd, *companions)):
                if each >= 0:
                    stack.callback(os.close, each)

    def _open_fd(self) -> int:
        """The fd. Raises OSError(EBADF) after close: mmap(-1) would map anonymous zeros, a black picture."""
        if self._fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._fd


@contextmanager
def _overflow_is_os_error() -> Iterator[None]:
    try:
        yield
    except OverflowError as error:
        raise OSError(errno.EOVERFLOW, os.strerror(errno.EOVERFLOW)) from error
