"""The thread that serves one guest: its event channels and xenstore watches wake it, its drivers do the work."""

import contextlib
import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from app.errors import error_text
from app.planes.wake_up import WakeUp
from app.xen.access.seam import XenHost
from app.xen.backend.driver import Driver
from app.xen.backend.guest_error import GuestError

_log = logging.getLogger(__name__)

_EVENTS_A_TURN = 64
"""So many xenstore events are handed on in one turn; a guest that writes its nodes all the time makes many."""


class BackendThread:
    """Runs the drivers of one guest until :meth:`close`. Other methods may be called on any thread.

    ``release`` is called at the close, after that of the last driver: it closes ``host``, or keeps it for later.
    Takes the host over: also if the constructor raises OSError, it is released.
    """

    def __init__(
        self,
        host: XenHost,
        release: Callable[[], None] | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._host = host
        self._release = host.close if release is None else release
        self._clock = clock
        self._lock = threading.Lock()
        self._orders: deque[Callable[[], None]] = deque()
        self._drivers: list[Driver] = []
        self._closing = False
        self._ended = False
        self._noted = ""
        try:
            self._wake_up = WakeUp()
            self._thread = threading.Thread(target=self._run, name="xen-backend", daemon=True)
            self._thread.start()
        except BaseException:
            if hasattr(self, "_wake_up"):
                self._wake_up.close()
            self._release()
            raise

    @property
    def ended(self) -> bool:
        """Whether no driver can be added any more: it was closed, or lost xenstore or the event channels."""
        with self._lock:
            return self._ended or self._closing

    def add(self, driver: Driver, *, wait: bool = False) -> None:
        """Serve this device from now on. ``wait`` for the end of its ``start``: for xenstore's answers at most.

        Where the thread has ended, the driver is told that it failed.
        """
        if not self._order(lambda: self._start(driver), wait=wait):
            driver.failed("the connection to Xen was closed")

    def remove(self, driver: Driver) -> None:
        """Close the driver, and wait until that is done: for xenstore's answers at most."""
        self._order(lambda: self._close(driver), wait=True)

    def wake(self) -> None:
        """Ask the drivers what is due."""
        self._wake_up.set()

    def close(self) -> None:
        """Close what is left, wait for the end of the thread, and release the host. More calls do nothing.

        Whoever read pages of the guest has released them: a host that is closed unmaps everything. So the thread
        leaves the host open where it ends by itself.
        """
        with self._lock:
            is_first, self._closing = not self._closing, True
        self._wake_up.set()
        self._thread.join()
        self._wake_up.close()
        if is_first:
            self._release()

    def _order(self, order: Callable[[], None], *, wait: bool) -> bool:
        """Have something done by the thread; False if it has ended."""
        done = threading.Event()

        def run() -> None:
            try:
                order()
            finally:
                done.set()

        with self._lock:
            if self._ended or self._closing:
                return False
            self._orders.append(run)
        self._wake_up.set()
        if wait:
            done.wait()
        return True

    def _run(self) -> None:
        why = ""
        try:
            while not self._closing:
                self._turn()
        except Exception as error:
            why = _text(error)
            self._note("Xen", error)
        finally:
            self._end(why)

    def _end(self, why: str) -> None:
        """``why`` is empty if nothing failed. Without xenstore or the event channels no device can go on."""
        with self._lock:
            self._ended = True
            orders, self._orders = list(self._orders), deque()
        # Whoever waits for an order is answered; a driver that was to start is closed below.
        for order in orders:
            order()
        for driver in tuple(self._drivers):
            if why:
                self._fail(driver, why)
            self._close(driver)

    def _turn(self) -> None:
        poller = select.poll()
        poller.register(self._wake_up.fd, select.POLLIN)
        poller.register(self._host.events.fileno(), select.POLLIN)
        poller.register(self._host.store.fileno(), select.POLLIN)
        ready = {fd for fd, _ in poller.poll(self._patience_ms())}
        if self._wake_up.fd in ready:
            self._wake_up.clear()
            self._do_orders()
        if self._host.events.fileno() in ready:
            self._channel_events()
        # Also without a sign of the fd: while xenstore was asked, an event may have come before the answer.
        self._store_events()
        for each in tuple(self._drivers):
            with self._guarded(each):
                each.due(self._clock())

    def _patience_ms(self) -> int | None:
        due = []
        for each in tuple(self._drivers):
            with self._guarded(each):
                ns = each.due_ns()
                if ns is not None:
                    due.append(ns)
        return None if not due else max(0, -((self._clock() - min(due)) // 1_000_000))

    def _do_orders(self) -> None:
        while True:
            with self._lock:
                if not self._orders:
                    return
                order = self._orders.popleft()
            order()

    def _channel_events(self) -> None:
        pending = set(self._host.events.pending())
        for each in tuple(self._drivers):
            with self._guarded(each):
                for port in tuple(pending.intersection(each.ports())):
                    each.handle(port)

    def _store_events(self) -> None:
        events = self._host.store.events()
        for at, event in enumerate(events):
            if at % _EVENTS_A_TURN == _EVENTS_A_TURN - 1:
                self._channel_events()
            for each in tuple(self._drivers):
                with self._guarded(each):
                    each.store_event(event)

    def _start(self, driver: Driver) -> None:
        self._drivers.append(driver)
        with self._guarded(driver):
            driver.start(self._host)

    @contextlib.contextmanager
    def _guarded(self, driver: Driver) -> Iterator[None]:
        """Any exception ends the driver, and is logged in one line."""
        try:
            yield
        except Exception as error:
            self._note("Xen device", error)
            self._fail(driver, _text(error))
            self._close(driver)

    def _fail(self, driver: Driver, why: str) -> None:
        """Tell it. Its error must not reach the other drivers."""
        try:
            driver.failed(why)
        except Exception as error:
            self._note("Xen device", error)

    def _close(self, driver: Driver) -> None:
        if driver not in self._drivers:
            return
        self._drivers.remove(driver)
        try:
            driver.close()
        except Exception as error:
            self._note("closing a Xen device", error)

    def _note(self, what: str, error: Exception) -> None:
        """One line for each failure, also if it ends several devices; -vv logs the place in this program."""
        if (text := _text(error)) != self._noted:
            _log.warning("%s: %s", what, text)
        self._noted = text
        _log.debug("%s", what, exc_info=error)


def _text(error: Exception) -> str:
    if isinstance(error, OSError):
        return error_text(error)
    return str(error) if isinstance(error, GuestError) else f"{type(error).__name__}: {error}"
