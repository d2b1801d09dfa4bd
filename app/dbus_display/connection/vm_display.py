"""The connection to the D-Bus display of one VM, on a thread of its own.

The thread serves the control connection and the listeners of all consoles that are shown. It never waits for OpenGL,
Qt or a disk: QEMU waits for our answers in its main loop.
"""

import itertools
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from app.dbus_display.connection.console_facts import VmDisplayFacts
from app.dbus_display.connection.control import CallResult, Serve, failed
from app.dbus_display.connection.display_loop import ControlState, DisplayLoop
from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.guard import GUARD, Guard
from app.dbus_display.connection.listener import Listener
from app.dbus_display.connection.registration import Registration
from app.dbus_display.wire.messages import method_call
from app.errors import MdevviewError, OpenFailed, error_text

__all__ = ["CallResult", "ControlState", "VmDisplay"]

_LOG = logging.getLogger(__name__)
_READY_LIMIT_S = 5.0


class VmDisplay:
    """Owns the thread, the control connection, and the sockets of the listeners. Methods may be called on any thread.

    No method but :meth:`close` waits.
    """

    def __init__(self, endpoint: Endpoint, process_ended: Callable[[], bool], guard: Guard = GUARD) -> None:
        """Takes over ``endpoint``. ``process_ended`` says at once whether the VM's process has ended.

        Waits until the VM has told what it has, 5 s at most. Raises OpenFailed.
        """
        self._endpoint = endpoint
        self._guard = guard
        self._lock = threading.Lock()
        self._serials = itertools.count(1)
        self._served: dict[tuple[str, str], Serve] = {}
        self._subscribers: tuple[Callable[[], None], ...] = ()
        self._registrations: dict[int, Registration] = {}
        self._orders: deque[Callable[[int], None]] = deque()
        self._closing = False
        self._retaking: threading.Thread | None = None
        self._is_connecting = False
        self._is_told = threading.Event()
        self._loop = DisplayLoop(endpoint.bus_name, process_ended, self._serials, guard.watch)
        try:
            self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError:
            endpoint.connection.close()
            raise
        self._orders.append(lambda now_ns: self._loop.connect(endpoint.connection, self._served, now_ns))
        guard.acquire()
        self._thread = threading.Thread(target=self._run, name="vm-display", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            guard.release()
            os.close(self._wake_fd)
            endpoint.connection.close()
            raise OpenFailed(f"cannot use the VM's D-Bus display: {error}", "close other windows") from error
        try:
            in_time = self._is_told.wait(_READY_LIMIT_S)
        except BaseException:
            # Ctrl-C, on the main thread.
            self.close()
            raise
        if not in_time or not self._loop.ready:
            why = self._loop.why_lost if in_time else f"the VM did not answer within {_READY_LIMIT_S:g} s"
            self.close()
            raise OpenFailed(f"cannot use the VM's D-Bus display: {why}")

    @property
    def facts(self) -> VmDisplayFacts:
        """What the VM told; it follows ``PropertiesChanged``."""
        return self._loop.facts

    @property
    def state(self) -> ControlState:
        return self._loop.state

    def properties(self, path: str, interface: str) -> Mapping[str, Any]:
        """The last known properties of an interface, as the VM told them; empty if there are none."""
        return self._loop.properties.get((path, interface), MappingProxyType({}))

    def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        done: Callable[[CallResult], None] | None = None,
    ) -> None:
        """Call a method of the VM. ``done`` is called exactly once, on the display's thread or on this one.

        After 5 s without a reply it gets an error. Raises ValueError, TypeError or struct.error for wrong arguments.
        """
        message = method_call(path, interface, member, signature, body, self._endpoint.bus_name)
        serial = next(self._serials)
        data = message.serialise(serial=serial)
        if not self._order(lambda now_ns: self._loop.call(data, serial, done, now_ns)) and done is not None:
            done(failed("the display was closed"))

    def serve(
        self, path: str, interface: str, handle: Callable[[str, tuple[Any, ...]], tuple[str, tuple[Any, ...]]]
    ) -> Callable[[], None]:
        """Serve the calls of the VM on this object of ours (the clipboard). Returns what ends that.

        ``handle`` gets the member and the arguments, on the display's thread, and returns signature and arguments of
        the reply. It raises LookupError for a member that it does not have. ValueError if the object is served already.

        QEMU's main loop waits for the reply, so the connection ends when this program is stopped.
        """
        with self._lock:
            if (path, interface) in self._served:
                raise ValueError(f"{path} is served already")
            self._served[path, interface] = handle
        self._order(self._loop.guard_control)
        return lambda: self._stop_serving(path, interface, handle)

    def _stop_serving(self, path: str, interface: str, handle: Serve) -> None:
        with self._lock:
            if self._served.get((path, interface)) is handle:
                del self._served[path, interface]

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` on the display's thread after each change of properties or state. Returns what ends that."""
        with self._lock:
            self._subscribers = (*self._subscribers, changed)

        def end() -> None:
            with self._lock:
                self._subscribers = tuple(each for each in self._subscribers if each is not changed)

        return end

    def listen(self, console: int, listener: Listener) -> None:
        """Register the listener for a console. One console has one listener; ValueError for a second."""
        registration = Registration(console, listener)
        with self._lock:
            if console in self._registrations:
                raise ValueError(f"console {console} has a listener")
            is_closed = self._closing
            if not is_closed:
                self._registrations = {**self._registrations, console: registration}
                self._wake()
        if is_closed:
            registration.vm_ended("the display was closed")

    def unlisten(self, console: int) -> None:
        """Close the listener's socket; more calls do nothing. The listener may get a last call meanwhile."""
        with self._lock:
            registration = self._registrations.get(console)
            self._registrations = {at: each for at, each in self._registrations.items() if at != console}
        if registration is not None:
            self._order(lambda now_ns: registration.close())

    def register_again(self, console: int) -> bool:
        """Register the listener of a console once more, to get the current picture. False if it was done before."""
        with self._lock:
            registration = self._registrations.get(console)
            if registration is None or registration.was_repeated:
                return False
            registration.was_repeated = True
        return self._order(lambda now_ns: registration.repeat())

    def wake(self) -> None:
        """Ask the listeners for due answers soon."""
        with self._lock:
            self._wake()

    def retake(self, refused: Callable[[str], None] = lambda _why: None) -> None:
        """Connect again after another client took the controls over; it loses them. Nothing while that is under way.

        If no connection can be made, ``refused`` gets the reason in words, on a thread of its own or on this one.
        """
        open_again = self._endpoint.open_again
        with self._lock:
            is_busy = self._is_connecting or self._loop.has_connection
            if self.state is not ControlState.TAKEN_OVER or open_again is None or is_busy or self._closing:
                return
            retaking = threading.Thread(
                target=self._open_again, args=(open_again, refused), name="vm-display-retake", daemon=True
            )
            self._is_connecting = True
            try:
                retaking.start()
            except RuntimeError as error:
                self._is_connecting, why = False, str(error)
            else:
                self._retaking, why = retaking, ""
        if why:
            refused(why)

    def close(self) -> None:
        """Close every socket and end the thread; more calls do nothing."""
        with self._lock:
            self._closing = True
            self._wake()
        for each in (self._retaking, self._thread):
            if each is not None and each is not threading.current_thread():
                each.join()

    def _order(self, order: Callable[[int], None]) -> bool:
        """Have something done on the display's thread, with the time; False if it has ended."""
        with self._lock:
            if self._closing:
                return False
            self._orders.append(order)
            self._wake()
        return True

    def _wake(self) -> None:
        """Called with the lock held: the fd is closed under it."""
        if self._wake_fd >= 0:
            os.eventfd_write(self._wake_fd, 1)

    def _open_again(self, open_again: Callable[[], socket.socket], refused: Callable[[str], None]) -> None:
        connection, why = None, ""
        try:
            connection = open_again()
        except (OSError, MdevviewError) as error:
            _LOG.info("the controls cannot be taken back: %s", error)
            why = error_text(error) if isinstance(error, OSError) else str(error)
        finally:
            self._is_connecting = connection is not None
        if connection is None:
            refused(why)
            return

        def connect(now_ns: int) -> None:
            self._loop.connect(connection, self._served, now_ns)
            self._is_connecting = False

        if not self._order(connect):
            connection.close()

    def _run(self) -> None:
        why = "the display was closed"
        try:
            while not self._closing:
                self._turn()
        except BaseException:
            why = "the connection to the VM failed inside this program"
            raise
        finally:
            # QEMU must never wait for a thread that is gone.
            self._end(why)

    def _turn(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
        self._do_orders()
        registrations = tuple(self._registrations.values())
        now_ns = time.monotonic_ns()
        changed, again_ns = self._loop.turn(registrations, now_ns)
        if changed:
            self._tell()
        # A ms more: poll() counts in ms, and would return before the time and be called again.
        timeout_ms = None if again_ns is None else max(0, again_ns - time.monotonic_ns() + 999_999) // 1_000_000
        # close() may have come after this turn began: its wake-up was then read above.
        if not self._orders and not self._closing:
            self._loop.wait(self._wake_fd, registrations, timeout_ms)

    def _do_orders(self) -> None:
        while self._orders:
            self._orders.popleft()(time.monotonic_ns())

    def _tell(self) -> None:
        for each in self._subscribers:
            each()
        # Last: who subscribes once this object is made is not called for what was told before.
        if self._loop.ready or self.state is ControlState.LOST:
            self._is_told.set()

    def _end(self, why: str) -> None:
        with self._lock:
            is_failure, self._closing = not self._closing, True
            os.close(self._wake_fd)
            self._wake_fd = -1
        self._loop.close(why)
        self._do_orders()
        for each in self._registrations.values():
            if is_failure:
                each.vm_ended(why)
            else:
                each.close()
        self._guard.release()
        self._tell()
