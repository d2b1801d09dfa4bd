"""A VM's monitor on its own thread: it connects, reconnects after a lost connection, and sends input.

The window's thread only puts input and commands into queues. Only one command with input is sent at a time. While the
VM is busy with it, motion is merged: a slow VM gets fewer events, but no outdated ones. If a VM does not answer for
some seconds, the connection counts as lost. It is kept all the same, because QEMU may continue with it later.

QEMU serves one client of a QMP socket at a time, and other programs need it too: Proxmox VE gives up after three
seconds (queue_execute() in PVE/QMPClient.pm). So a monitor can share its socket: it connects when there is something to
send, and lets go after a limited time, also while there is more to send. Who waits then comes first, because QEMU
accepts clients in their order. Meanwhile input waits in the queue. Keys stay pressed in the guest when a client of QMP
leaves, so nothing is released then.
"""

import asyncio
import atexit
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from app.input.event import Event, Key, Touch, qmp_object
from app.vm.cancel import cancel
from app.vm.command_runner import FAILED, LOST, CommandRunner
from app.vm.input_sender import InputSender
from app.vm.monitor import Changed, ConnectionState, MonitorStatus, Reply
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.peer import CommandError, ConnectionLost, Peer, ProtocolError
from app.vm.pending_command import PendingCommand
from app.vm.power import PowerAction
from app.vm.state_query import query_state

_log = logging.getLogger(__name__)

_CLOSED = "the monitor is closed"
_CLOSE_EXTRA_S = 1.5


class MonitorConnection:
    """A :class:`app.vm.monitor.Monitor` for any kind of :class:`Peer`. Owns its thread and its connection."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Peer]],
        no_answer: str,
        changed: Changed,
        timeouts: MonitorTimeouts | None = None,
        busy: str = "",
    ) -> None:
        """``no_answer`` is the message if the VM does not answer a new connection.

        ``busy`` is the message if the VM has answered before, and now does not answer a new connection.
        """
        self._connect = connect
        self._no_answer = no_answer
        self._busy = busy or no_answer
        self._changed = changed
        self._timeouts = timeouts or MonitorTimeouts()
        # Shared by the window's and the monitor's thread, guarded by the lock.
        self._lock = threading.Lock()
        self._status = MonitorStatus(ConnectionState.CONNECTING)
        self._refusal = ""
        """The reason why no more commands are taken; empty while they are."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        # Used by the monitor's thread only, except to add a command.
        self._closing, self._work = asyncio.Event(), asyncio.Event()
        self._commands = CommandRunner(self._lock, self._timeouts.reply, self._work.set)
        self._input = InputSender(self._lock, self._work)
        self._peer: Peer | None = None
        self._ready_status = MonitorStatus(ConnectionState.READY)
        self._was_ready = self._is_pausing = False
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    @property
    def status(self) -> MonitorStatus:
        return self._status

    def send(self, events: Sequence[Event]) -> None:
        events = [each for each in events if not isinstance(each, Touch)]
        with self._lock:
            if self._closed or self._status.state is not ConnectionState.READY or not events:
                return
            if self._input.push(events):
                self._call(self._work.set)
            else:
                self._call(self._set_lost, "the VM takes its input too slowly: some of it was not passed on")

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        self._add(PendingCommand(command, arguments, done))

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        self._add(PendingCommand(action.value, None, done, action))

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        # In one command: whatever happens to the connection, the key does not stay pressed.
        events = [qmp_object(Key(qcode, down)) for down in (True, False)]
        self.execute("input-send-event", {"events": events}, done)

    def retake(self, refused: Callable[[str], None]) -> None:
        """Nothing: no other client can take a QMP connection over."""

    def _add(self, entry: PendingCommand) -> None:
        with self._lock:
            refusal = self._refusal
            if not refusal:
                self._commands.add(entry)
                self._call(self._start_commands)
        if refusal:
            entry.answer(Reply(error=refusal))

    def close(self, *, wait: bool = True) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._refusal = self._refusal or _CLOSED
                if not wait and self._thread.is_alive():
                    # Otherwise a program that ends now would leave keys pressed in the guest.
                    atexit.register(self._join)
                self._call(self._closing.set)
        if wait and self._thread is not threading.current_thread():
            self._join()

    def _join(self) -> None:
        with suppress(KeyboardInterrupt):
            self._thread.join(self._timeouts.close + _CLOSE_EXTRA_S + 2.0)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call the function soon on the monitor's thread. The caller holds the lock.

        Before its event loop starts and after it has ended, the thread reads the queues by itself.
        """
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function, *arguments)

    # Everything below runs on the monitor's thread.

    def _run(self) -> None:
        status = MonitorStatus(ConnectionState.LOST, "closed")
        try:
            with asyncio.Runner() as runner:
                runner.run(self._main())
        except BaseException:
            _log.exception("the VM's monitor failed")
            status = MonitorStatus(ConnectionState.LOST, FAILED)
        with self._lock:
            closed = self._closed
            self._loop = None
            self._refusal = self._refusal or FAILED
        # From here on no command can be queued.
        self._commands.answer_all(self._refusal)
        if closed:
            self._status = MonitorStatus(ConnectionState.LOST, "closed")
        else:
            self._publish(status)
        atexit.unregister(self._join)

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        # asyncio reports errors of a broken connection that this class has already handled.
        loop.set_exception_handler(lambda _loop, context: _log.debug("%s", context.get("message")))
        with self._lock:
            self._loop = loop
            if self._closed:
                self._closing.set()
        self._start_commands()
        connection = asyncio.create_task(self._keep_connected())
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait((connection, closing), return_when=asyncio.FIRST_COMPLETED)
            if closing.done() and not connection.done() and self._can_send_rest():
                await self._send_rest()
        finally:
            with self._lock:
                self._loop = None
            await cancel(connection, closing)
        if connection.done() and not connection.cancelled():
            connection.result()

    def _can_send_rest(self) -> bool:
        """Whether the VM may still take input. Not while the monitor pauses after a lost connection."""
        if self._status.state is ConnectionState.READY:
            return True
        # Another program has used a shared socket for so long that the VM counts as lost. A key must not stay pressed.
        return self._timeouts.hold is not None and not self._is_pausing and self._input.has_pressed

    async def _send_rest(self) -> None:
        """Send the queued input, then release all pressed keys and buttons.

        Another program may use a shared socket: then a pressed key is worth a longer wait for a connection.
        """
        extra = _CLOSE_EXTRA_S if self._peer is None else 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeouts.close + extra):
                if self._peer is not None or self._has_work():
                    await self._drain()
                if self._input.has_pressed:
                    self._input.release_all()
                    await self._drain()

    async def _drain(self) -> None:
        self._input.idle.clear()
        self._work.set()
        await self._input.idle.wait()

    async def _keep_connected(self) -> None:
        delays = iter(self._timeouts.retry_delays)
        delay = 0.0
        while True:
            self._was_ready = False
            was_let_go = await self._connect_once()
            if self._was_ready:
                delays = iter(self._timeouts.retry_delays)
            if was_let_go:
                await self._wait_for_work()
                continue
            self._commands.answer_all(LOST)
            delay = next(delays, delay)
            self._is_pausing = True
            await asyncio.sleep(delay)
            self._is_pausing = False

    async def _connect_once(self) -> bool:
        """Use one connection until its end. Returns whether it was let go; otherwise it was lost."""
        slow = asyncio.get_running_loop().call_later(self._timeouts.connect, self._set_lost, self._no_answer)
        try:
            async with self._connect() as peer:
                await self._use(peer, slow)
        except ConnectionLost as lost:
            self._set_lost(str(lost))
            return False
        finally:
            slow.cancel()
        return True

    async def _wait_for_work(self) -> None:
        """Wait until there is something to send, or until it is time to look at the VM's state."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeouts.look):
                while not self._has_work() and self._status.state is ConnectionState.READY:
                    self._input.idle.set()
                    await self._work.wait()
                    self._work.clear()

    def _has_work(self) -> bool:
        with self._lock:
            return self._input.has_waiting or self._commands.has_waiting

    async def _use(self, peer: Peer, slow: asyncio.TimerHandle) -> None:
        """Use one connection until it is let go. Raises ConnectionLost if it ends before."""
        closed, work = asyncio.create_task(peer.wait_closed()), asyncio.create_task(self._serve(peer, slow))
        try:
            await asyncio.wait((closed, work), return_when=asyncio.FIRST_COMPLETED)
            if work.done() and work.exception() is None:
                return
            # A command may fail before the connection tells its end. But the connection knows the reason better.
            if not isinstance(work.done() and work.exception(), ProtocolError):
                await asyncio.wait((closed,), timeout=self._timeouts.close)
            if closed.done():
                raise ConnectionLost(closed.result())
            work.result()
        finally:
            # A command that is queued from now on must not start on this connection.
            self._peer = None
            await cancel(closed, work, *self._commands.running)

    async def _serve(self, peer: Peer, slow: asyncio.TimerHandle) -> None:
        """Returns when the connection is to be let go."""
        hold = self._timeouts.hold
        until = asyncio.get_running_loop().time() + hold if hold is not None else None
        asked = self._status.state is not ConnectionState.READY or not self._has_work()
        if asked:
            await self._look(peer)
        slow.cancel()
        self._was_ready, self._no_answer = True, self._busy
        if until is not None and not self._has_work():
            return
        self._peer = peer
        self._commands.start(peer)
        # Keys that wait are sent before the VM's state is asked for: they are not late by that.
        sending = asyncio.create_task(self._send_input(peer, until))
        querying = asyncio.create_task(self._keep_querying(peer, self._timeouts.query_interval if asked else 0.0))
        try:
            await asyncio.wait((querying, sending), return_when=asyncio.FIRST_COMPLETED)
            (querying if querying.done() else sending).result()
        finally:
            await cancel(querying, sending)

    async def _keep_querying(self, peer: Peer, delay: float) -> None:
        """Ask for the VM's state after ``delay`` seconds, and then again and again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await peer.wait_for_event()
            delay = self._timeouts.query_interval
            await self._look(peer)

    async def _look(self, peer: Peer) -> None:
        """Ask for the VM's state."""
        run_state, pointing = await query_state(partial(self._execute, peer))
        known = (self._ready_status.run_state, self._ready_status.pointing)
        if self._status.state is not ConnectionState.READY or known != (run_state, pointing):
            self._input.forget_refusals()
            self._publish_ready(run_state=run_state, pointing=pointing, detail="")

    async def _send_input(self, peer: Peer, until: float | None) -> None:
        """Send input. Returns after ``until`` (the loop's time), when no command is on its way."""
        now = asyncio.get_running_loop().time

        def is_over() -> bool:
            # At the end the socket is held until all keys are released.
            return until is not None and now() >= until and not self._closing.is_set()

        await self._input.send(partial(self._execute, peer), self._take_refusal, is_over, until)
        # In the same step as the last look at the time: no command starts on a connection that is let go.
        self._peer = None
        if self._commands.running:
            await asyncio.wait(self._commands.running)

    def _take_refusal(self, words: str) -> None:
        self._publish_ready(detail=words)

    async def _execute(self, peer: Peer, command: str, arguments: Mapping[str, Any] | None) -> Any:
        """Run a command of the monitor itself. While its reply is late, the connection counts as lost."""
        late = asyncio.get_running_loop().call_later(
            self._timeouts.reply, self._set_lost, f"the VM has not answered for {self._timeouts.reply:.0f} s"
        )
        try:
            value = await peer.execute(command, arguments)
        except CommandError:
            self._publish_answered()
            raise
        finally:
            late.cancel()
        self._publish_answered()
        return value

    def _publish_answered(self) -> None:
        """The VM answers again."""
        if self._peer is not None and self._status.state is ConnectionState.LOST:
            self._publish_ready()

    def _publish_ready(self, **changes: Any) -> None:
        self._ready_status = replace(self._ready_status, **changes)
        self._publish(self._ready_status)

    def _set_lost(self, reason: str) -> None:
        # Outdated input would surprise the user when the VM continues. Only the releases are kept.
        self._input.drop()
        if self._peer is None:
            self._commands.refuse_waiting(reason)
        self._publish(MonitorStatus(ConnectionState.LOST, reason))

    def _publish(self, status: MonitorStatus) -> None:
        with self._lock:
            if status == self._status or self._closed:
                return
            self._status = status
        try:
            self._changed()
        except Exception:
            _log.exception("a change of the monitor's status was not handled")

    def _start_commands(self) -> None:
        if self._peer is not None:
            self._commands.start(self._peer)
        elif self._status.state is ConnectionState.READY:
            # The next connection starts them.
            self._work.set()
        elif self._status.state is ConnectionState.LOST:
            self._commands.refuse_waiting(self._status.detail or LOST)
        # A first connection that is made now starts or refuses them.
