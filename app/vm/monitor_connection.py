"""A VM's monitor on a thread of its own: connects, connects again, and passes on what the window sends.

The window's thread only puts things into queues here. One command with input is under way at a time: while the VM
is busy with it, motion is merged, and a VM that is slow gets few and late events but never old ones. A VM that does
not answer for some seconds counts as lost, yet its connection is kept: QEMU goes on with it when it can.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.input.event import Event, document
from app.vm.answers import plain, pointing_of, run_state_of
from app.vm.input_queue import InputQueue, KeyPace, Pressed
from app.vm.monitor import Changed, Link, LinkState, Pointing, Reply
from app.vm.peer import Lost, Nonsense, Peer, Refused

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
# Commands that wait for an answer; more are turned away.
_COMMANDS = 64


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds."""

    connect: float = 2.0
    answer: float = 5.0
    pauses: tuple[float, ...] = (1.0, 2.0, 5.0)
    """Before connecting again; the last one from then on."""
    look: float = 2.0
    """Between two looks at what no event tells: which pointing device the guest uses."""
    farewell: float = 0.5
    """For input that is on its way when the monitor is closed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Command:
    name: str
    arguments: Mapping[str, Any] | None
    done: Callable[[Reply], None] | None


class MonitorLink:
    """A :class:`app.vm.monitor.Monitor`, whatever it talks through. Owns a thread, and all that this has open."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Peer]],
        no_answer: str,
        changed: Changed,
        patience: Patience | None = None,
    ) -> None:
        """``no_answer`` says what it means when nobody answers a new connection."""
        self._connect = connect
        self._no_answer = no_answer
        self._changed = changed
        self._patience = patience or Patience()
        # What the window's thread and the monitor's share, all under the lock.
        self._lock = threading.Lock()
        self._link = Link(LinkState.CONNECTING)
        self._queue = InputQueue()
        self._commands: deque[_Command] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        # The monitor's own.
        self._closing, self._input, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._peer: Peer | None = None
        self._ready = Link(LinkState.READY)
        self._refusals: dict[str, str] = {}
        self._pressed, self._pace = Pressed(), KeyPace()
        self._under_way: dict[_Command, asyncio.Task[None]] = {}
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    @property
    def link(self) -> Link:
        return self._link

    def send(self, events: Sequence[Event]) -> None:
        with self._lock:
            if self._closed or self._link.state is not LinkState.READY or not events:
                return
            if self._queue.push(events):
                self._call(self._input.set)
            else:
                self._call(self._lose, "the VM takes its input too slowly: some of it was not passed on")

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        entry = _Command(command, arguments, done)
        with self._lock:
            closed = self._closed
            if not closed:
                self._commands.append(entry)
                self._call(self._start_commands)
        if closed:
            _tell(entry, Reply(error="the monitor is closed"))

    def close(self, *, wait: bool = True) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._call(self._closing.set)
        if wait and self._thread is not threading.current_thread():
            self._thread.join(self._patience.farewell + 2.0)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """On the monitor's thread, soon; with the lock held. Until that has a loop it sees to what waits by itself."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function, *arguments)

    # All below is the monitor's thread.

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:
            _log.exception("the VM's monitor failed")
            self._publish(Link(LinkState.LOST, "an error in this program: see its log"))

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        # What a connection leaves behind when it breaks was told by then.
        loop.set_exception_handler(lambda _loop, context: _log.debug("%s", context.get("message")))
        with self._lock:
            self._loop = loop
            if self._closed:
                self._closing.set()
        self._start_commands()
        talk, closing = asyncio.create_task(self._talk()), asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait((talk, closing), return_when=asyncio.FIRST_COMPLETED)
            if closing.done() and self._link.state is LinkState.READY:
                await self._say_farewell()
        finally:
            with self._lock:
                self._loop = None
            await _end(talk, closing)
            self._turn_away("the monitor is closed")
            self._link = Link(LinkState.LOST, "closed")
        if not talk.cancelled():
            talk.result()

    async def _say_farewell(self) -> None:
        """Let input that is on its way arrive, then leave nothing pressed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.farewell):
                await self._drain()
                with self._lock:
                    self._queue.push(self._pressed.releases())
                await self._drain()

    async def _drain(self) -> None:
        self._idle.clear()
        self._input.set()
        await self._idle.wait()

    async def _talk(self) -> None:
        pauses = iter(self._patience.pauses)
        pause = 0.0
        while True:
            slow = asyncio.get_running_loop().call_later(self._patience.connect, self._lose, self._no_answer)
            try:
                async with self._connect() as peer:
                    await self._converse(peer, slow)
            except Lost as lost:
                self._lose(str(lost))
            finally:
                slow.cancel()
            if self._peer is not None:
                self._peer = None
                pauses = iter(self._patience.pauses)
            self._turn_away("the connection to the VM was lost")
            pause = next(pauses, pause)
            await asyncio.sleep(pause)

    async def _converse(self, peer: Peer, slow: asyncio.TimerHandle) -> None:
        """All that happens on one connection. Raises Lost when it ends."""
        lost, work = asyncio.create_task(peer.lost()), asyncio.create_task(self._work(peer, slow))
        try:
            await asyncio.wait((lost, work), return_when=asyncio.FIRST_COMPLETED)
            # A command may have noticed first, but the connection knows best why it ended.
            if not isinstance(work.done() and work.exception(), Nonsense):
                await asyncio.wait((lost,), timeout=self._patience.farewell)
            if lost.done():
                raise Lost(lost.result())
            work.result()
        finally:
            await _end(lost, work, *self._under_way.values())

    async def _work(self, peer: Peer, slow: asyncio.TimerHandle) -> None:
        run_state, pointing = await self._look(peer)
        slow.cancel()
        self._peer = peer
        self._refusals.clear()
        self._ready = Link(LinkState.READY, "", pointing, run_state)
        self._publish(self._ready)
        looking, passing = asyncio.create_task(self._keep_looking(peer)), asyncio.create_task(self._pass_input(peer))
        try:
            await asyncio.wait((looking, passing), return_when=asyncio.FIRST_COMPLETED)
            (looking if looking.done() else passing).result()
        finally:
            await _end(looking, passing)

    async def _keep_looking(self, peer: Peer) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.look):
                    await peer.news()
            run_state, pointing = await self._look(peer)
            if (run_state, pointing) != (self._ready.run_state, self._ready.pointing):
                # What was refused before may be taken now.
                self._refusals.clear()
                self._say_ready(run_state=run_state, pointing=pointing, detail="")

    async def _look(self, peer: Peer) -> tuple[str | None, Pointing | None]:
        return (
            await self._query(peer, "query-status", run_state_of),
            await self._query(peer, "query-mice", pointing_of),
        )

    async def _query(self, peer: Peer, command: str, read: Callable[[object], _T]) -> _T | None:
        """None where the VM does not say."""
        try:
            return read(await self._ask(peer, command))
        except Refused:
            return None
        except ValueError:
            raise Nonsense(f"the VM's answer to {command} makes no sense") from None

    async def _pass_input(self, peer: Peer) -> None:
        while True:
            with self._lock:
                batch = self._queue.take()
            if not batch:
                self._idle.set()
                await self._input.wait()
                self._input.clear()
                continue
            # Now: what is lost while it waits for its turn is still to be released.
            self._pressed.note(batch)
            while late := self._pace.delay(batch, time.monotonic_ns()):
                await asyncio.sleep(late / 1e9)
            await self._pass_on(peer, batch)

    async def _pass_on(self, peer: Peer, batch: Sequence[Event]) -> None:
        kinds = list(dict.fromkeys(type(each) for each in batch))
        try:
            await self._ask(peer, "input-send-event", {"events": [document(each) for each in batch]})
        except Refused as refused:
            # QEMU refuses all of it where the VM has no device for one kind (qmp_input_send_event in ui/input.c).
            if len(kinds) > 1:
                for kind in kinds:
                    await self._pass_on(peer, [each for each in batch if type(each) is kind])
            else:
                self._note_refusal(kinds[0].__name__, str(refused))
        else:
            for kind in kinds:
                self._note_refusal(kind.__name__, "")

    def _note_refusal(self, kind: str, words: str) -> None:
        if words:
            self._refusals[kind] = f"the VM refuses input: {plain(words)}"
        else:
            self._refusals.pop(kind, None)
        self._say_ready(detail=next(iter(self._refusals.values()), ""))

    async def _ask(self, peer: Peer, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        late = asyncio.get_running_loop().call_later(
            self._patience.answer, self._lose, f"the VM has not answered for {self._patience.answer:.0f} s"
        )
        try:
            answer = await peer.execute(command, arguments)
        except Refused:
            self._hear_from()
            raise
        finally:
            late.cancel()
        self._hear_from()
        return answer

    def _hear_from(self) -> None:
        """It answers again."""
        if self._peer is not None and self._link.state is LinkState.LOST:
            self._say_ready()

    def _say_ready(self, **changes: Any) -> None:
        self._ready = replace(self._ready, **changes)
        self._publish(self._ready)

    def _lose(self, words: str) -> None:
        with self._lock:
            # Old input would surprise whoever looks at the VM when it goes on. Nothing stays pressed.
            self._queue.clear()
            self._queue.push(self._pressed.releases())
        self._publish(Link(LinkState.LOST, words))

    def _publish(self, link: Link) -> None:
        with self._lock:
            if link == self._link or self._closed:
                return
            self._link = link
        try:
            self._changed()
        except Exception:
            _log.exception("a change of the VM's monitor was not taken note of")

    def _start_commands(self) -> None:
        with self._lock:
            commands = list(self._commands)
            self._commands.clear()
        for command in commands:
            if self._peer is None:
                _tell(command, Reply(error=self._link.detail or "not connected to the VM yet"))
            elif len(self._under_way) >= _COMMANDS:
                _tell(command, Reply(error="too many commands wait for the VM"))
            else:
                self._under_way[command] = asyncio.create_task(self._command(self._peer, command))

    async def _command(self, peer: Peer, command: _Command) -> None:
        try:
            async with asyncio.timeout(self._patience.answer):
                reply = Reply(await peer.execute(command.name, command.arguments))
        except Refused as refused:
            reply = Reply(error=plain(str(refused)))
        except Nonsense as nonsense:
            reply = Reply(error=str(nonsense))
        except Lost:
            return
        except TimeoutError:
            reply = Reply(error="the VM does not answer")
        if self._under_way.pop(command, None):
            _tell(command, reply)

    def _turn_away(self, words: str) -> None:
        """Answer all commands that will get no answer of the VM's."""
        with self._lock:
            commands = [*self._under_way, *self._commands]
            self._under_way.clear()
            self._commands.clear()
        for command in commands:
            _tell(command, Reply(error=words))


def _tell(command: _Command, reply: Reply) -> None:
    if command.done is None:
        return
    try:
        command.done(reply)
    except Exception:
        _log.exception("the answer to %s was not taken", command.name)


async def _end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel them, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=1.0)
    for task in tasks:
        # Having looked at it keeps asyncio from reporting it.
        if task.done() and not task.cancelled():
            task.exception()
