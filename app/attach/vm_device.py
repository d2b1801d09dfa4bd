"""The device of a VM. A thread closes it as soon as the VM ends.

A duplicate of a VM's fd keeps its VFIO group open, and the VM's next start fails with EBUSY. The window's thread might
be in the middle of a draw and close it too late. So another thread waits for the VM's end and closes the device.
"""

import errno
import mmap
import os
import select
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack

from app.device.seam import Device
from app.host.process import Process

# The time between two attempts to unmap memory that is being read.
_RETRY_UNMAP_S = 0.001


class VmDevice:
    """Owns a device that the VM ``process`` also has open. Calls ``cleanups`` after closing it.

    After the end of the VM every call raises OSError(ENODEV), and the mappings of the device are closed as soon as
    nobody reads them. If ``close_at_end`` is false, the device stays open until :meth:`close`: with a driver whose
    buffers may be fetched only once, all buffers must be closed before the device. Raises OSError
    if no fd or thread is left; then nothing is taken over.
    """

    def __init__(
        self, device: Device, process: Process, *cleanups: Callable[[], None], close_at_end: bool = True
    ) -> None:
        self._device = device
        self._cleanups = cleanups
        self._lock = threading.Lock()
        # The errno that every call raises after the device was closed.
        self._errno: int | None = None
        self._closing = threading.Event()
        # A mapping keeps the device open, like a fd. The caller owns it and may have closed it already.
        self._mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._wake_fd = -1
        self._thread: threading.Thread | None = None
        if close_at_end:
            self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            arguments = (process.fileno(), self._wake_fd)
            thread = threading.Thread(target=self._wait_for_end, args=arguments, name="vm-end", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                os.close(self._wake_fd)
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
            self._thread = thread

    def ioctl(self, request: int, buffer: bytearray) -> int:
        with self._lock:
            return self._open_device().ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        with self._lock:
            return self._open_device().pread(length, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        with self._lock:
            return self._open_device().pwrite(data, offset)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        with self._lock:
            mapping = self._open_device().mmap(length, offset)
            self._mappings.add(mapping)
            return mapping

    def duplicate(self) -> int:
        with self._lock:
            return self._open_device().duplicate()

    def close(self) -> None:
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            os.eventfd_write(self._wake_fd, 1)
            thread.join()
            wake_fd, self._wake_fd = self._wake_fd, -1
            os.close(wake_fd)
        cleanups, self._cleanups = self._cleanups, ()
        with ExitStack() as stack:
            for each in reversed(cleanups):
                stack.callback(each)
            self._close_device(errno.EBADF)

    def _open_device(self) -> Device:
        if self._errno is not None:
            raise OSError(self._errno, os.strerror(self._errno))
        return self._device

    def _wait_for_end(self, pidfd: int, wake_fd: int) -> None:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(wake_fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll()}
        if pidfd in ready:
            self._close_device(errno.ENODEV)
            for each in list(self._mappings):
                _unmap(each, self._closing)

    def _close_device(self, number: int) -> None:
        """Close the device. Later calls raise OSError(number)."""
        with self._lock:
            self._errno = number
            self._device.close()


def _unmap(mapping: mmap.mmap, closing: threading.Event) -> None:
    while not closing.is_set():
        try:
            mapping.close()
        except BufferError:
            # Somebody reads it now and would crash if it were unmapped.
            closing.wait(_RETRY_UNMAP_S)
        else:
            return
