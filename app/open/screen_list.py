"""A list of the host's screens that follows hot-plug. A thread makes it: a scan would block the window too long."""

import logging
import os
import select
import threading
import time
from collections.abc import Callable

from app.errors import MdevviewError, error_text
from app.host.hotplug import Hotplug
from app.host.nvidia import current_types
from app.host.paths import HOST, Paths
from app.host.scan import HostScan
from app.host.screens import HostScreens
from app.open.background_thread import BackgroundThread
from app.open.host_screens import find_screens

_log = logging.getLogger(__name__)

# The interval between looks at the list of processes, and between scans if that list stays the same.
_LOOK_S = 1.0
_SCAN_S = 10.0
# A VM opens its device some time after its start.
_SOON_FOR_S = 10.0
# A scan takes at most this part of the time: on a host with many processes it takes long, and they change all the time.
_MOST_OF_TIME = 0.02


class ScreenList:
    """Owns a thread that scans the host at the start and after every hot-plug event. No call blocks.

    No event tells that a virtual function of an NVIDIA GPU becomes a vGPU. On a host with such functions their types
    are looked at every second. No event tells that a VM starts or ends, or that it opens a device. With
    ``follow_vms`` the host is also scanned when processes have started or ended, and every ten seconds. Without libudev
    or its socket, without ``follow_vms`` and such functions, the first list stays.
    """

    def __init__(
        self, paths: Paths = HOST, open_hotplug: Callable[[], Hotplug] = Hotplug, *, follow_vms: bool = False
    ) -> None:
        self._paths = paths
        self._open_hotplug = open_hotplug
        self._changes = _ProcessChanges(paths) if follow_vms else None
        self._lock = threading.Lock()
        self._screens: HostScreens | None = None
        self._error: Exception | None = None
        self._thread = BackgroundThread("screen-list", self._run)
        self._thread.start()

    def fileno(self) -> int:
        """A fd that is readable when :meth:`poll` has a new list; -1 after :meth:`close`."""
        return self._thread.fileno()

    def poll(self) -> HostScreens | None:
        """The newest list; None before the first one. Raises errors of this program."""
        self._thread.acknowledge()
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._screens

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
        changes = self._changes
        is_changed = True
        types: dict[str, int] = {}
        while not thread.stopped.is_set():
            if is_changed:
                began = time.monotonic()
                types = current_types(self._paths)
                screens = self._scan()
                if changes is not None:
                    changes.scanned(began, time.monotonic())
                with self._lock:
                    self._screens = screens
                thread.notify()
            poll.poll(_LOOK_S * 1000 if changes is not None or types else None)
            is_changed = hotplug is not None and bool(hotplug.read())
            is_changed = is_changed or (bool(types) and current_types(self._paths) != types)
            is_changed = is_changed or (changes is not None and changes.scan_due(time.monotonic()))

    def _scan(self) -> HostScreens:
        """All screens. If the scan fails, because no fd is left, those of the last list."""
        try:
            return find_screens(HostScan.take(self._paths))
        except OSError as error:
            _log.info("the screens cannot be listed: %s", error_text(error))
            return self._screens or HostScreens()

    def _hotplug(self) -> Hotplug | None:
        try:
            return self._open_hotplug()
        except (MdevviewError, OSError) as error:
            _log.info("the list of devices stays as it is: %s", error)
            return None


class _ProcessChanges:
    """Decides when to scan for VMs that started or ended. Times are seconds of one monotonic clock."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._pids: frozenset[str] = frozenset()
        self._soon_until = 0.0
        self._scanned_at = 0.0
        self._pause = _LOOK_S

    def scanned(self, began: float, ended: float) -> None:
        """A scan was made."""
        self._scanned_at = ended
        self._pause = max(_LOOK_S, (ended - began) / _MOST_OF_TIME)

    def scan_due(self, now: float) -> bool:
        """Whether to scan now. Looks at the list of processes."""
        try:
            pids = frozenset(each for each in os.listdir(self._paths.proc) if each.isdecimal())
        except OSError:
            pids = frozenset()
        if pids != self._pids:
            self._pids = pids
            self._soon_until = now + _SOON_FOR_S
        return now - self._scanned_at >= (self._pause if now < self._soon_until else max(_SCAN_S, self._pause))
