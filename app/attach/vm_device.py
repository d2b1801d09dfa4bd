"""The device of a VM, let go the moment the VM ends, whatever the rest of the program is busy with.

A duplicate of a VM's fd keeps its group open, and the VM's next start meets EBUSY. A window that is in the middle of a
draw would be too late: so a thread waits for the VM's end and closes the device by itself.
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

# Between two tries to unmap what is being read just now.
_READING_S = 0.001


class LentDevice:
    """Owns a device that ``process`` has open too, and what has to be let go after it.

    Once the process ended every call raises OSError (ENODEV), and mappings of the device are closed as soon as nobody
    reads them. Not so with ``at_once`` false: then the device stays open until :meth:`close`, as it must for a driver
    whose buffers have to go before the device.
    """

    def __init__(self, device: Device, process: Process, *after: Callable[[], None], at_once: bool = True) -> None:
        self._device = device
        self._after = after
        self._lock = threading.Lock()
        self._gone = False
        self._closing = threading.Event()
        # A mapping holds the device as a fd does. Whoever asked for it owns it and may have closed it.
        self._mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._wake = -1
        self._thread: threading.Thread | None = None
        if at_once:
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            arguments = (process.fileno(), self._wake)
            self._thread = threading.Thread(target=self._watch, args=arguments, name="vm-end", daemon=True)
            self._thread.start()

    def ioctl(self, request: int, buffer: bytearray) -> int:
        with self._lock:
            return self._held().ioctl(request, buffer)

    def pread(self, length: int, offset: int) -> bytes:
        with self._lock:
            return self._held().pread(length, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        with self._lock:
            return self._held().pwrite(data, offset)

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        with self._lock:
            mapping = self._held().mmap(length, offset)
            self._mappings.add(mapping)
            return mapping

    def close(self) -> None:
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            os.eventfd_write(self._wake, 1)
            thread.join()
            os.close(self._wake)
        after, self._after = self._after, ()
        with ExitStack() as stack:
            for each in reversed(after):
                stack.callback(each)
            self._let_go()

    def _held(self) -> Device:
        if self._gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return self._device

    def _watch(self, pidfd: int, wake: int) -> None:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(wake, select.POLLIN)
        ready = {fd for fd, _ in poll.poll()}
        if pidfd in ready:
            self._let_go()
            for each in list(self._mappings):
                _unmap(each, self._closing)

    def _let_go(self) -> None:
        with self._lock:
            self._gone = True
            self._device.close()


def _unmap(mapping: mmap.mmap, closing: threading.Event) -> None:
    while not closing.is_set():
        try:
            mapping.close()
        except BufferError:
            # It is being read; to take it away now would crash the reader.
            closing.wait(_READING_S)
        else:
            return
