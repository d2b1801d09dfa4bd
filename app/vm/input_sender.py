"""Sends a monitor's input to a VM: one command at a time, and keys no faster than a guest's keyboard takes them."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.input.event import Event, qmp_object
from app.vm.input_queue import InputQueue, KeyRateLimit, SentPresses
from app.vm.peer import CommandError
from app.vm.replies import one_line

Execute = Callable[[str, Mapping[str, Any] | None], Awaitable[Any]]
"""Runs a command on one connection and returns its value. Raises CommandError, ProtocolError or ConnectionLost."""


class InputSender:
    """The input that waits, and what is pressed in the guest. It outlives each connection.

    Any thread may call :meth:`push`. All other methods are for the monitor's thread.
    """

    def __init__(self, lock: threading.Lock, work: asyncio.Event) -> None:
        """``lock`` is the monitor's. ``work`` is set by the monitor when something was added."""
        self._lock = lock
        self._work = work
        self._queue = InputQueue()
        self._sent, self._key_rate = SentPresses(), KeyRateLimit()
        self._refusals: dict[type[Event], str] = {}
        self.idle = asyncio.Event()
        """Set when nothing waits and nothing is on its way. To learn when that is so, clear it and set ``work``."""

    def push(self, events: Sequence[Event]) -> bool:
        """Add input. Returns False and adds none if too much waits. The caller holds the lock."""
        return self._queue.push(events)

    @property
    def has_waiting(self) -> bool:
        """Whether there is input to send. The caller holds the lock."""
        return bool(self._queue)

    @property
    def has_pressed(self) -> bool:
        """Whether a key or button may be pressed in the guest."""
        return bool(self._sent.releases())

    def release_all(self) -> None:
        """Release what is pressed, after the input that waits."""
        with self._lock:
            self._queue.push(self._sent.releases())

    def drop(self) -> None:
        """Drop the input that waits, and release what is pressed."""
        with self._lock:
            self._queue.clear()
            self._queue.push(self._sent.releases())

    def forget_refusals(self) -> None:
        """The VM's state has changed: it may now accept input that it refused before."""
        self._refusals.clear()

    async def send(
        self, execute: Execute, refused: Callable[[str], None], is_over: Callable[[], bool], until: float | None
    ) -> None:
        """Send what waits and what is added. Returns between two commands when ``is_over``: the rest is sent later.

        ``refused`` is told the VM's words about input that it refuses; empty when it takes all input. ``is_over`` can
        become true at ``until`` (the loop's time) by itself.
        """
        while not is_over():
            with self._lock:
                batch = self._queue.take()
            if not batch:
                self.idle.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(until):
                        await self._work.wait()
                self._work.clear()
                continue
            # Before the wait and the answer: if the connection is lost meanwhile, these keys must still be released.
            self._sent.start(batch)
            while delay := self._key_rate.delay(batch, time.monotonic_ns()):
                await asyncio.sleep(delay / 1e9)
            await self._send(execute, refused, batch)
            self._sent.finish(batch)

    async def _send(self, execute: Execute, refused: Callable[[str], None], batch: Sequence[Event]) -> None:
        kinds = list(dict.fromkeys(type(each) for each in batch))
        try:
            await execute("input-send-event", {"events": [qmp_object(each) for each in batch]})
        except CommandError as error:
            # QEMU refuses all events if the VM has no device for one kind (qmp_input_send_event in ui/input.c).
            if len(kinds) > 1:
                for kind in kinds:
                    await self._send(execute, refused, [each for each in batch if type(each) is kind])
            else:
                self._refusals[kinds[0]] = f"the VM refuses input: {one_line(str(error))}"
        else:
            for kind in kinds:
                self._refusals.pop(kind, None)
        refused(next(iter(self._refusals.values()), ""))
