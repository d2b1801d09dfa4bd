"""Input of a console through QEMU's D-Bus display, and the VM's own monitor for everything else.

One batch of events is sent at a time. While QEMU has not answered it, motion is merged, as with QMP
(:mod:`app.vm.input_queue`). QEMU releases the keys that it holds when any listener closes (ui/dbus-console.c); a key
that is released once more does nothing.
"""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.dbus_display.connection.vm_display import CallResult, ControlState, VmDisplay
from app.dbus_display.controls.input_calls import ConsoleInput, InputCall, InputCalls, console_input
from app.dbus_display.wire.names import CONSOLE, KEYBOARD, MOUSE, MULTI_TOUCH, PROPERTIES, console_path
from app.input.event import Event, Key
from app.text.clean import clean_line
from app.vm.input_queue import InputQueue, KeyRateLimit, SentPresses
from app.vm.input_route import InputRoute
from app.vm.monitor import Changed, ConnectionState, Lights, Monitor, MonitorStatus, PointingDevice, Reply
from app.vm.power import PowerAction

_log = logging.getLogger(__name__)

_S = 1_000_000_000
# As for other monitors: after this the connection counts as lost, and this long the end of one takes.
_LATE_NS = 5 * _S
_CLOSE_NS = _S // 2
# A VM that did not answer is asked again after this time.
_ASK_AGAIN_NS = 2 * _S
_LATE = "the VM has not answered for 5 s"
_TOO_SLOW = "the VM takes its input too slowly: some of it was not passed on"
_CLOSED = "the monitor is closed"


@dataclass(frozen=True, slots=True)
class DbusInput:
    """The :class:`app.vm.input_route.InputRoute` of one console.

    ``inner`` is the route to the VM's own monitor, for commands, power actions and the VM's state. If it marks the VM,
    it is opened with the first of them: keys need no mark. ``touch``: the VM has a touch screen. QEMU does not tell
    that here: each console has the interface. ``hold`` counts a monitor as one more user of the display, and returns
    what gives it back: it is used until all keys are released.
    """

    display: VmDisplay
    console: int
    inner: InputRoute
    touch: bool = False
    hold: Callable[[], Callable[[], None]] = lambda: lambda: None

    # Input does not need the socket that a manager needs.
    reason = destination = manager = ""
    taints = False

    def open(self, changed: Changed, *, keep: bool = False) -> Monitor:
        return DbusMonitor(self.display, self.console, self.inner, changed, touch=self.touch, give_back=self.hold())


class DbusMonitor:
    """A :class:`app.vm.monitor.Monitor`. Owns its thread and the inner monitor. ``give_back`` is called at its end."""

    def __init__(
        self,
        display: VmDisplay,
        console: int,
        inner: InputRoute,
        changed: Changed,
        *,
        touch: bool = False,
        give_back: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._display = display
        self._path = console_path(console)
        self._changed = changed
        self._touch = touch
        self._give_back = give_back
        self._clock = clock
        # Guards everything below.
        self._lock = threading.Condition()
        self._queue, self._sent, self._key_rate = InputQueue(), SentPresses(), KeyRateLimit()
        self._batch: tuple[Event, ...] = ()
        """Taken from the queue, and to be sent as soon as the guest's keyboard can take it."""
        self._unanswered: set[int] = set()
        self._call_number = 0
        self._sent_at = self._ask_at = 0
        self._lost = self._refusal = ""
        self._woken = self._closed = False
        self._close_by: int | None = None
        self._calls = InputCalls()
        self._route = inner
        self._inner: Monitor | None = None if inner.reason or inner.taints else inner.open(self._wake)
        self._status = self._look()
        self._unsubscribe = display.subscribe(self._wake)
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._unsubscribe()
            if self._inner is not None:
                self._inner.close(wait=False)
            give_back()
            raise

    @property
    def status(self) -> MonitorStatus:
        return self._status

    def send(self, events: Sequence[Event]) -> None:
        with self._lock:
            if self._closed or self._lost or self._status.state is not ConnectionState.READY or not events:
                return
            if not self._queue.push(events):
                self._lose(_TOO_SLOW)
            self._notify()

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        if (inner := self._for_commands()) is not None:
            inner.execute(command, arguments, done)
        elif done is not None:
            done(Reply(error=self._route.reason or _CLOSED))

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        if (inner := self._for_commands()) is not None:
            inner.power(action, done)
        elif done is not None:
            done(Reply(error=self._route.reason or _CLOSED))

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        if self._closed:
            done(Reply(error=_CLOSED))
            return
        pair = InputCalls().of([Key(qcode, True), Key(qcode, False)], ConsoleInput())
        if not pair:
            done(Reply(error=f"QEMU has no number for the key {qcode!r}"))
            return
        press, release = pair
        results: list[CallResult] = []

        def answered(result: CallResult) -> None:
            results.append(result)
            if len(results) == len(pair):
                done(_tap_reply(results))

        # Both are on their way before the first answer: whatever happens, the key does not stay pressed.
        self._call(press, answered)
        self._call(release, answered)

    def retake(self, refused: Callable[[str], None]) -> None:
        if self._display.state is ControlState.TAKEN_OVER:
            self._display.retake(refused)

    def close(self, *, wait: bool = True) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                if not wait and self._thread.is_alive():
                    # Otherwise a program that ends now would leave keys pressed in the guest.
                    atexit.register(self._join)
                self._notify()
        if self._inner is not None:
            self._inner.close(wait=wait)
        if wait and self._thread is not threading.current_thread():
            self._join()

    def _for_commands(self) -> Monitor | None:
        """The VM's own monitor, None if there is none, or if none was needed before the end."""
        with self._lock:
            if self._inner is None and not self._route.reason and not self._closed:
                self._inner = self._route.open(self._wake)
            return self._inner

    def _join(self) -> None:
        with suppress(KeyboardInterrupt):
            self._thread.join(2 * _CLOSE_NS / _S)

    def _wake(self) -> None:
        """The display or the inner monitor has changed. Called on any thread."""
        with self._lock:
            self._notify()

    def _notify(self) -> None:
        self._woken = True
        self._lock.notify()

    # Everything below runs on the monitor's thread, except where it says otherwise.

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception:
            _log.exception("the input of the VM failed")
        finally:
            self._end()

    def _end(self) -> None:
        """Nothing more is sent. Whoever uses it is told, unless that is who has closed it."""
        with self._lock:
            is_failure, self._closed = not self._closed, True
            self._status = MonitorStatus(ConnectionState.LOST, "the input of the VM failed" if is_failure else "closed")
        self._unsubscribe()
        self._give_back()
        atexit.unregister(self._join)
        if is_failure:
            self._tell()

    def _step(self) -> bool:
        """Send what is due, or wait. Returns whether there is more to do."""
        self._publish()
        # Read before our lock is taken: the display has a lock of its own.
        connected, console = self._display.state is ControlState.CONNECTED, self._console()
        with self._lock:
            now = self._clock()
            is_over, calls, due = self._is_over(now, connected), [], None
            if is_over:
                if connected and not self._lost:
                    calls = self._calls.of(self._sent.releases(), console)
            else:
                calls, due = self._due(now, connected, console)
                if self._close_by is not None:
                    due = self._close_by if due is None else min(due, self._close_by)
            if not calls and not is_over:
                if not self._woken:
                    self._lock.wait((due - now) / _S if due is not None else None)
                self._woken = False
                return True
            numbers = range(self._call_number, self._call_number + len(calls))
            self._call_number += len(calls)
            self._unanswered |= set(numbers)
            self._sent_at = now
            batch, self._batch = self._batch, ()
        for number, call in zip(numbers, calls, strict=True):
            self._call(call, partial(self._answered, number, batch))
        return not is_over

    def _due(self, now: int, connected: bool, console: ConsoleInput) -> tuple[list[InputCall], int | None]:
        """The calls to make now. If there are none: when there may be some at the latest, None if that is unknown."""
        if self._unanswered:
            late = self._sent_at + _LATE_NS
            if now >= late and not self._lost:
                self._lose(_LATE)
                self._woken = True
            return [], late if now < late else None
        if not connected:
            return [], None
        if self._lost and now < self._ask_at:
            return [], self._ask_at
        if self._lost and not self._queue:
            # Nothing else would show that the VM answers again.
            return [InputCall(PROPERTIES, "Get", "ss", (KEYBOARD, "Modifiers"))], None
        if not self._batch:
            self._batch = self._queue.take()
            # Before the pause: if the connection is lost meanwhile, these keys must still be released.
            self._sent.start(self._batch)
        if delay := self._key_rate.delay(self._batch, now):
            return [], now + delay
        calls = self._calls.of(self._batch, console)
        if not calls and self._batch:
            # Nothing that the console takes. Look at what comes next.
            self._sent.finish(self._batch)
            self._batch = ()
            self._woken = True
        return calls, None

    def _is_over(self, now: int, connected: bool) -> bool:
        """Whether the thread ends: the monitor is closed, and everything is released or its time is over."""
        if not self._closed:
            return False
        if self._close_by is None:
            self._close_by = now + _CLOSE_NS
            self._queue.push(self._sent.releases())
        if now >= self._close_by or not connected or self._lost:
            return True
        return not (self._unanswered or self._batch or self._queue)

    def _call(self, call: InputCall, done: Callable[[CallResult], None] | None) -> None:
        """Also called by :meth:`tap`, on the caller's thread."""
        self._display.call(self._path, call.interface, call.member, call.signature, call.body, done)

    def _answered(self, number: int, batch: tuple[Event, ...], result: CallResult) -> None:
        """Called on the display's thread, or on the one that called it."""
        connected = self._display.state is ControlState.CONNECTED
        with self._lock:
            self._unanswered.discard(number)
            if result.error is not None and not result.error[0]:
                # The VM did not answer. Where the connection has ended, the display's state tells it.
                if connected:
                    self._lose(clean_line(result.error[1]) or _LATE)
                    self._ask_at = self._clock() + _ASK_AGAIN_NS
            else:
                self._lost = ""
                self._refusal = _refusal(batch, result, self._refusal)
                if not self._unanswered:
                    self._sent.finish(batch)
            self._notify()

    def _lose(self, reason: str) -> None:
        """Count the connection as lost. Outdated input would surprise the user later; only the releases are kept.

        The caller holds the lock, on any thread.
        """
        self._lost = reason
        self._queue.clear()
        self._batch = ()
        self._queue.push(self._sent.releases())

    def _publish(self) -> None:
        status = self._look()
        before = self._status
        if status == before:
            return
        if status.can_retake and not before.can_retake:
            self._release_elsewhere()
        with self._lock:
            if self._closed:
                return
            self._status = status
        self._tell()

    def _tell(self) -> None:
        try:
            self._changed()
        except Exception:
            _log.exception("a change of the monitor's status was not handled")

    def _release_elsewhere(self) -> None:
        """The controls are lost while keys may be pressed: the VM's own monitor releases them, if there is one."""
        with self._lock:
            self._queue.clear()
            self._batch = ()
            releases = self._sent.releases()
            # Once more when the controls are back: a key that is not pressed is not released.
            self._queue.push(releases)
        if self._inner is not None and releases:
            self._inner.send(releases)

    def _properties(self, interface: str) -> Mapping[str, Any]:
        return self._display.properties(self._path, interface)

    def _console(self) -> ConsoleInput:
        return console_input(self._properties(CONSOLE), self._properties(MOUSE), self._properties(MULTI_TOUCH))

    def _look(self) -> MonitorStatus:
        """The status as it is now. Also called by the constructor."""
        if self._inner is not None:
            inner = self._inner.status
        elif self._route.reason:
            inner = MonitorStatus(ConnectionState.LOST, self._route.reason)
        else:
            # It will be opened with the first command.
            inner = MonitorStatus(ConnectionState.READY)
        state, detail = ConnectionState.READY, self._refusal
        if lost := self._display.state.why_not or self._lost:
            state, detail = ConnectionState.LOST, lost
        console = self._console()
        modifiers = self._properties(KEYBOARD).get("Modifiers")
        return MonitorStatus(
            state,
            detail,
            _POINTING.get(console.absolute),
            inner.run_state if inner.state is ConnectionState.READY else None,
            Lights(modifiers & 7) if isinstance(modifiers, int) else None,
            self._touch and console.slots > 0,
            self._display.state is ControlState.TAKEN_OVER,
            inner,
        )


_POINTING: dict[bool | None, PointingDevice] = {True: PointingDevice.ABSOLUTE, False: PointingDevice.RELATIVE}


def _refusal(batch: Sequence[Event], result: CallResult, before: str) -> str:
    """What to say about input that the VM refuses.

    Nothing about motion: the guest may have changed its pointing device, or the console its size, a moment before.
    """
    if not any(isinstance(each, Key) for each in batch):
        return before
    return f"the VM refuses input: {clean_line(result.error[1])}" if result.error is not None else ""


def _tap_reply(results: Sequence[CallResult]) -> Reply:
    for result in results:
        if result.error is not None:
            return Reply(error=clean_line(result.error[1]) or "the VM does not answer")
    return Reply(sent_ns=results[0].sent_ns, received_ns=results[-1].received_ns)
