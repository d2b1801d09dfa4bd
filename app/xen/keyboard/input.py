"""Input of a Xen guest through its PV keyboard: the route, and its monitor."""

import atexit
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from app.input.event import Event
from app.vm.input_queue import SentPresses
from app.vm.input_route import InputRoute, NoInput
from app.vm.monitor import Changed, ConnectionState, Monitor, MonitorStatus, Reply
from app.vm.power import PowerAction
from app.xen.access.seam import Store
from app.xen.backend.backend_thread import BackendThread
from app.xen.backend.backends import join_backend
from app.xen.backend.device import Device
from app.xen.keyboard.keyboard_lookup import find_keyboard
from app.xen.keyboard.served_keyboard import ServedKeyboard, take_keyboard

Backend = tuple[BackendThread, Callable[[], None]]
"""The thread that serves the guest, and what gives it back (:mod:`app.xen.backend.backends`)."""

_NO_BACKEND = "the guest's display was closed"
_NO_COMMANDS = "a Xen guest takes no commands here: use xl in its host"
_CLOSED = MonitorStatus(ConnectionState.LOST, "closed")


@dataclass(frozen=True, slots=True)
class XenInput:
    """The :class:`app.vm.input_route.InputRoute` of one keyboard.

    ``size`` is that of the picture in pixels. ``take`` gives the backend thread of the guest, which is that of its
    display; None if the guest is not served any more.
    """

    device: Device
    size: tuple[int, int]
    take: Callable[[], Backend | None] = field(kw_only=True)

    reason = destination = manager = ""
    taints = False

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        return XenMonitor(self.device, self.size, self.take(), changed)


def xen_input(store: Store, domid: int, size: tuple[int, int], backend_domid: int = 0) -> InputRoute:
    """The route to a guest whose display this program serves, or one that has a reason why there is none.

    ``size``: of the connector in pixels. Raises OSError if xenstore cannot be read.
    """
    device = find_keyboard(store, domid, backend_domid)
    return NoInput(device) if isinstance(device, str) else XenInput(device, size, take=lambda: join_backend(domid))


class XenMonitor:
    """A :class:`app.vm.monitor.Monitor`. Owns its use of the backend thread and of the keyboard."""

    def __init__(self, device: Device, size: tuple[int, int], backend: Backend | None, changed: Changed) -> None:
        self._changed = changed
        self._backend = backend
        self._keyboard: ServedKeyboard | None = None
        self._give_back: Callable[[], None] = lambda: None
        self._pressed = SentPresses()
        self._closer: threading.Thread | None = None
        self._is_closed = False
        # Two threads look: the older status must not be kept.
        self._lock = threading.Lock()
        if backend is not None:
            self._keyboard, self._give_back = take_keyboard(backend[0], device, size)
            self._keyboard.subscribe(self._look)
        with self._lock:
            self._status = self._seen()

    @property
    def status(self) -> MonitorStatus:
        return self._status

    def send(self, events: Sequence[Event]) -> None:
        if self._keyboard is None or self._is_closed or self._status.state is not ConnectionState.READY or not events:
            return
        self._pressed.start(events)
        self._pressed.finish(events)
        self._keyboard.outgoing.push(events)
        self._keyboard.wake()

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        if done is not None:
            done(Reply(error=_NO_COMMANDS))

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        if done is not None:
            done(Reply(error=_NO_COMMANDS))

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        if self._keyboard is None or self._is_closed or self._status.state is not ConnectionState.READY:
            done(Reply(error=self._status.why_not or "the monitor is closed"))
            return
        self._keyboard.outgoing.tap(qcode, done)
        self._keyboard.wake()

    def retake(self, refused: Callable[[str], None]) -> None:
        pass

    def close(self, *, wait: bool = True) -> None:
        if not self._is_closed:
            self._is_closed = True
            if self._keyboard is not None and self._backend is not None:
                self._start_leaving(self._keyboard, self._backend[1], wait=wait)
        if wait:
            self._join()

    def _start_leaving(self, keyboard: ServedKeyboard, give_back_backend: Callable[[], None], *, wait: bool) -> None:
        leave = partial(self._leave, keyboard, give_back_backend)
        closer = threading.Thread(target=leave, name="input", daemon=True)
        try:
            closer.start()
        except RuntimeError:
            # No more threads: half a second at most on this one.
            leave()
            return
        self._closer = closer
        if not wait:
            # Otherwise a program that ends now would leave keys pressed in the guest.
            atexit.register(self._join)

    def _leave(self, keyboard: ServedKeyboard, give_back_backend: Callable[[], None]) -> None:
        """Release what this monitor has pressed, and let the keyboard go unless another window uses it."""
        keyboard.unsubscribe(self._look)
        keyboard.outgoing.push(self._pressed.releases())
        keyboard.wake()
        self._give_back()
        give_back_backend()
        self._status = replace(_CLOSED, for_commands=self._status.for_commands)
        atexit.unregister(self._join)

    def _join(self) -> None:
        if self._closer is not None:
            with suppress(KeyboardInterrupt):
                self._closer.join()

    def _look(self) -> None:
        """Called on the backend's thread."""
        if self._is_closed:
            return
        with self._lock:
            self._status = self._seen()
        self._changed()

    def _seen(self) -> MonitorStatus:
        keyboard = self._keyboard
        status = MonitorStatus(ConnectionState.LOST, _NO_BACKEND) if keyboard is None else keyboard.driver.status
        return replace(status, for_commands=MonitorStatus(ConnectionState.LOST, _NO_COMMANDS))
