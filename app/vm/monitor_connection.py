"""A VM's monitor on its own thread: it connects, reconnects after a lost connection, and sends input.

The window's thread only puts input and commands into queues. Only one command with input is sent at a time. While the
VM is busy with it, motion is merged: a slow VM gets fewer events, but no outdated ones. If a VM does not answer for
some seconds, the connection counts as lost. It is kept all the same, because QEMU may continue with it later.
"""

import asyncio
import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.input.event import Event, qmp_object
from app.vm.input_queue import InputQueue, KeyRateLimit, SentPresses
from app.vm.monitor import Changed, ConnectionState, MonitorStatus, PointingDevice, Reply
from app.vm.peer import CommandError, ConnectionLost, Peer, ProtocolError
from app.vm.pending_command import PendingCommand
from app.vm.replies import one_line, parse_pointing, parse_run_state

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
# At most this many commands may wait for a reply; more are refused.
_MOST_COMMANDS = 64
_CLOSED = "the monitor is closed"
_FAILED = "an error in this program: see its log"
_LOST = "the connection to the VM was lost"


@dataclass(frozen=True, slots=True)
class MonitorTimeouts:
    """Times in seconds."""

    connect: float = 2.0
    reply: float = 5.0
    retry_delays: tuple[float, ...] = (1.0, 2.0, 5.0)
    """The pauses before the attempts to reconnect; the last one is repeated."""
    query_interval: float = 2.0
    """The pause between two queries of the pointing device, whose change no event tells."""
    close: float = 0.5
    """The time for sending the queued input when the monitor is closed."""


class MonitorConnection:
    """A :class:`app.vm.monitor.Monitor` for any kind of :class:`Peer`. Owns its thread and its connection."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Peer]],
        no_answer: str,
        changed: Changed,
        timeouts: MonitorTimeouts | None = None,
    ) -> None:
        """``no_answer`` is the message if the VM does not answer a new connection."""
        self._connect = connect
        self._no_answer = no_answer
        self._changed = changed
        self._timeouts = timeouts or MonitorTimeouts()
        # Shared by the window's and the monitor's thread, guarded by the lock.
        self._lock = threading.Lock()
        self._status = MonitorStatus(ConnectionState.CONNECTING)
        self._queue = InputQueue()
        self._commands: deque[PendingCommand] = deque()
        self._refusal = ""
        """The reason why no more commands are taken; empty while they are."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        # Used by the monitor's thread only.
        self._closing, self._input, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._peer: Peer | None = None
        self._ready_status = MonitorStatus(ConnectionState.READY)
        self._was_ready = False
        self._input_errors: dict[str, str] = {}
        self._sent, self._key_rate = SentPresses(), KeyRateLimit()
        self._running: dict[PendingCommand, asyncio.Task[None]] = {}
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    @property
    def status(self) -> MonitorStatus:
        return self._status

    def send(self, events: Sequence[Event]) -> None:
        with self._lock:
            if self._closed or self._status.state is not ConnectionState.READY or not events:
                return
            if self._queue.push(events):
                self._call(self._input.set)
            else:
                self._call(self._set_lost, "the VM takes its input too slowly: some of it was not passed on")

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        entry = PendingCommand(command, arguments, done)
        with self._lock:
            refusal = self._refusal
            if not refusal:
                self._commands.append(entry)
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
            self._thread.join(self._timeouts.close + 2.0)

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
            status = MonitorStatus(ConnectionState.LOST, _FAILED)
        with self._lock:
            closed = self._closed
            self._loop = None
            self._refusal = self._refusal or _FAILED
        # From here on no command can be queued.
        self._answer_all(self._refusal)
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
            if closing.done() and self._status.state is ConnectionState.READY:
                await self._send_rest()
        finally:
            with self._lock:
                self._loop = None
            await _cancel(connection, closing)
        if connection.done() and not connection.cancelled():
            connection.result()

    async def _send_rest(self) -> None:
        """Send the queued input, then release all pressed keys and buttons."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeouts.close):
                await self._drain()
                with self._lock:
                    self._queue.push(self._sent.releases())
                await self._drain()

    async def _drain(self) -> None:
        self._idle.clear()
        self._input.set()
        await self._idle.wait()

    async def _keep_connected(self) -> None:
        delays = iter(self._timeouts.retry_delays)
        delay = 0.0
        while True:
            slow = asyncio.get_running_loop().call_later(self._timeouts.connect, self._set_lost, self._no_answer)
            self._was_ready = False
            try:
                async with self._connect() as peer:
                    await self._use(peer, slow)
            except ConnectionLost as lost:
                self._set_lost(str(lost))
            finally:
                slow.cancel()
            if self._was_ready:
                delays = iter(self._timeouts.retry_delays)
            self._answer_all(_LOST)
            delay = next(delays, delay)
            await asyncio.sleep(delay)

    async def _use(self, peer: Peer, slow: asyncio.TimerHandle) -> None:
        """Use one connection until its end. Raises ConnectionLost."""
        closed, work = asyncio.create_task(peer.wait_closed()), asyncio.create_task(self._work(peer, slow))
        try:
            await asyncio.wait((closed, work), return_when=asyncio.FIRST_COMPLETED)
            # A command may fail before the connection tells its end. But the connection knows the reason better.
            if not isinstance(work.done() and work.exception(), ProtocolError):
                await asyncio.wait((closed,), timeout=self._timeouts.close)
            if closed.done():
                raise ConnectionLost(closed.result())
            work.result()
        finally:
            # A command that is queued from now on must not start on this connection.
            self._peer = None
            await _cancel(closed, work, *self._running.values())

    async def _work(self, peer: Peer, slow: asyncio.TimerHandle) -> None:
        run_state, pointing = await self._query_state(peer)
        slow.cancel()
        self._peer, self._was_ready = peer, True
        self._input_errors.clear()
        self._ready_status = MonitorStatus(ConnectionState.READY, "", pointing, run_state)
        self._publish(self._ready_status)
        querying = asyncio.create_task(self._keep_querying(peer))
        sending = asyncio.create_task(self._send_input(peer))
        try:
            await asyncio.wait((querying, sending), return_when=asyncio.FIRST_COMPLETED)
            (querying if querying.done() else sending).result()
        finally:
            await _cancel(querying, sending)

    async def _keep_querying(self, peer: Peer) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeouts.query_interval):
                    await peer.wait_for_event()
            run_state, pointing = await self._query_state(peer)
            if (run_state, pointing) != (self._ready_status.run_state, self._ready_status.pointing):
                # The VM may now accept input that it refused before.
                self._input_errors.clear()
                self._publish_ready(run_state=run_state, pointing=pointing, detail="")

    async def _query_state(self, peer: Peer) -> tuple[str | None, PointingDevice | None]:
        return (
            await self._query(peer, "query-status", parse_run_state),
            await self._query(peer, "query-mice", parse_pointing),
        )

    async def _query(self, peer: Peer, command: str, parse: Callable[[object], _T]) -> _T | None:
        """None if the VM does not know the command."""
        try:
            reply = await self._execute(peer, command)
        except CommandError:
            return None
        try:
            return parse(reply)
        except ValueError:
            raise ProtocolError(f"the VM's answer to {command} is invalid") from None

    async def _send_input(self, peer: Peer) -> None:
        while True:
            with self._lock:
                batch = self._queue.take()
            if not batch:
                self._idle.set()
                await self._input.wait()
                self._input.clear()
                continue
            # Added before the wait: if the connection is lost meanwhile, these keys must still be released.
            self._sent.add(batch)
            while delay := self._key_rate.delay(batch, time.monotonic_ns()):
                await asyncio.sleep(delay / 1e9)
            await self._send_batch(peer, batch)

    async def _send_batch(self, peer: Peer, batch: Sequence[Event]) -> None:
        kinds = list(dict.fromkeys(type(each) for each in batch))
        try:
            await self._execute(peer, "input-send-event", {"events": [qmp_object(each) for each in batch]})
        except CommandError as error:
            # QEMU refuses all events if the VM has no device for one kind (qmp_input_send_event in ui/input.c).
            if len(kinds) > 1:
                for kind in kinds:
                    await self._send_batch(peer, [each for each in batch if type(each) is kind])
            else:
                self._set_input_error(kinds[0].__name__, str(error))
        else:
            for kind in kinds:
                self._set_input_error(kind.__name__, "")

    def _set_input_error(self, kind: str, error: str) -> None:
        if error:
            self._input_errors[kind] = f"the VM refuses input: {one_line(error)}"
        else:
            self._input_errors.pop(kind, None)
        self._publish_ready(detail=next(iter(self._input_errors.values()), ""))

    async def _execute(self, peer: Peer, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
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
        with self._lock:
            # Outdated input would surprise the user when the VM continues. Only the releases are kept.
            self._queue.clear()
            self._queue.push(self._sent.releases())
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
        with self._lock:
            commands = list(self._commands)
            self._commands.clear()
        for command in commands:
            if self._peer is None:
                command.answer(Reply(error=self._status.detail or "not connected to the VM yet"))
            elif len(self._running) >= _MOST_COMMANDS:
                command.answer(Reply(error="too many commands wait for the VM"))
            else:
                self._running[command] = asyncio.create_task(self._run_command(self._peer, command))

    async def _run_command(self, peer: Peer, command: PendingCommand) -> None:
        """Run and answer the command. If this task is cancelled, :meth:`_answer_all` answers it."""
        sent_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(self._timeouts.reply):
                value = await peer.execute(command.name, command.arguments)
            reply = Reply(value, sent_ns=sent_ns, received_ns=time.monotonic_ns())
        except CommandError as error:
            reply = Reply(error=one_line(str(error)))
        except ProtocolError as error:
            reply = Reply(error=str(error))
        except ConnectionLost:
            reply = Reply(error=_LOST)
        except TimeoutError:
            reply = Reply(error="the VM does not answer")
        except Exception:
            _log.exception("the command %s failed", command.name)
            reply = Reply(error=_FAILED)
        self._running.pop(command, None)
        command.answer(reply)

    def _answer_all(self, error: str) -> None:
        """Answer all commands that will get no reply from the VM."""
        with self._lock:
            commands = [*self._running, *self._commands]
            self._running.clear()
            self._commands.clear()
        for command in commands:
            command.answer(Reply(error=error))


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel the tasks, and wait at most a second for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=1.0)
    for task in tasks:
        # asyncio logs an exception that nobody reads.
        if task.done() and not task.cancelled():
            task.exception()
