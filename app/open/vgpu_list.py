"""The vGPUs of this host as they come and go, listed on a thread: a scan takes longer than a window may block."""

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
    """Owns a thread that scans the host now and after every hot-plug event. No call blocks.

    Without libudev, or a socket to it, the first list stays.
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
        """A fd that is readable when :meth:`poll` has a new list; -1 once closed."""
        return self._thread.fileno()

    def poll(self) -> tuple[Vgpu, ...] | None:
        """The newest list; None before the first. Raises errors of this program."""
        self._thread.acknowledge()
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._vgpus

    def close(self) -> None:
        """Stop; more calls do nothing. Stop watching :meth:`fileno` first."""
        self._thread.stop()

    def join(self, timeout_s: float) -> bool:
        """Whether the thread ended within that time; for the end of a program, and tests."""
        return self._thread.join(timeout_s)

    def _run(self, thread: BackgroundThread) -> None:
        try:
            # Before the scan: what changes during the scan makes an event.
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
        """All vGPUs; those of the list before where this process has no fd left for a scan."""
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
