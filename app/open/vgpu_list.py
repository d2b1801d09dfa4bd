"""A list of the host's vGPUs that follows hot-plug. A thread makes it: a scan would block the window too long."""

import logging
import select
import threading
from collections.abc import Callable

from app.errors import MdevviewError, error_text
from app.host.discovery import discover
from app.host.hotplug import Hotplug
from app.host.paths import HOST, Paths
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.open.background_thread import BackgroundThread

_log = logging.getLogger(__name__)


class VgpuList:
    """Owns a thread that scans the host at the start and after every hot-plug event. No call blocks.

    Without libudev or its socket the first list stays.
    """

    def __init__(self, paths: Paths = HOST, open_hotplug: Callable[[], Hotplug] = Hotplug) -> None:
        self._paths = paths
        self._open_hotplug = open_hotplug
        self._lock = threading.Lock()
        self._vgpus: tuple[Vgpu, ...] | None = None
        self._error: Exception | None = None
        self._thread = BackgroundThread("vgpu-list", self._run)
        self._thread.start()

    def fileno(self) -> int:
        """A fd that is readable when :meth:`poll` has a new list; -1 after :meth:`close`."""
        return self._thread.fileno()

    def poll(self) -> tuple[Vgpu, ...] | None:
        """The newest list; None before the first one. Raises errors of this program."""
        self._thread.acknowledge()
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._vgpus

    def close(self) -> None:
        """Stop; more calls do nothing. Stop watching :meth:`fileno` first."""
        self._thread.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread. Returns whether it ended in time. For the end of the program, and tests."""
        return self._thread.join(timeout_s)

    def _run(self, thread: BackgroundThread) -> None:
        try:
            # Opened before the scan, so that a change during the scan makes an event.
            hotplug = self._hotplug()
            try:
                self._list_until_stopped(hotplug, thread)
            finally:
                if hotplug is not None:
                    hotplug.close()
        except Exception as error:
            with self._lock:
                self._error = error
            thread.notify()

    def _list_until_stopped(self, hotplug: Hotplug | None, thread: BackgroundThread) -> None:
        poll = select.poll()
        poll.register(thread.stop_fd, select.POLLIN)
        if hotplug is not None:
            poll.register(hotplug.fileno(), select.POLLIN)
        is_changed = True
        while not thread.stopped.is_set():
            if is_changed:
                vgpus = self._scan()
                with self._lock:
                    self._vgpus = vgpus
                thread.notify()
            poll.poll()
            is_changed = hotplug is not None and bool(hotplug.read())

    def _scan(self) -> tuple[Vgpu, ...]:
        """All vGPUs. If the scan fails, because no fd is left, those of the last list."""
        try:
            return discover(HostScan.take(self._paths))
        except OSError as error:
            _log.info("the vGPUs cannot be listed: %s", error_text(error))
            return self._vgpus or ()

    def _hotplug(self) -> Hotplug | None:
        try:
            return self._open_hotplug()
        except (MdevviewError, OSError) as error:
            _log.info("the list of devices stays as it is: %s", error)
            return None
