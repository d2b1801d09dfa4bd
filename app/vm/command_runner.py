"""The commands that a monitor was asked to run: each of them is answered exactly once."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from app.vm.monitor import Reply
from app.vm.peer import CommandError, ConnectionLost, Peer, ProtocolError
from app.vm.pending_command import PendingCommand
from app.vm.replies import one_line

_log = logging.getLogger(__name__)

# At most this many commands may wait for a reply; more are refused.
_MOST_COMMANDS = 64
FAILED = "an error in this program: see its log"
LOST = "the connection to the VM was lost"


class CommandRunner:
    """Any thread may :meth:`add` a command. All other methods are for the monitor's thread."""

    def __init__(self, lock: threading.Lock, timeout_s: float, ended: Callable[[], None]) -> None:
        """``lock`` is the monitor's. ``ended`` is called after each command that had been started."""
        self._lock = lock
        self._timeout_s = timeout_s
        self._ended = ended
        self._waiting: deque[PendingCommand] = deque()
        self._running: dict[PendingCommand, asyncio.Task[None]] = {}

    def add(self, command: PendingCommand) -> None:
        """The caller holds the lock."""
        self._waiting.append(command)

    @property
    def has_waiting(self) -> bool:
        """Whether a command was added and not started yet. The caller holds the lock."""
        return bool(self._waiting)

    @property
    def running(self) -> tuple["asyncio.Task[None]", ...]:
        """The tasks of the commands whose reply has not come yet."""
        return tuple(self._running.values())

    def start(self, peer: Peer) -> None:
        """Start the commands that wait."""
        for command in self._take_waiting():
            if len(self._running) >= _MOST_COMMANDS:
                command.answer(Reply(error="too many commands wait for the VM"))
            else:
                self._running[command] = asyncio.create_task(self._run(peer, command))

    def refuse_waiting(self, error: str) -> None:
        """Answer the commands that were not started."""
        for command in self._take_waiting():
            command.answer(Reply(error=error))

    def answer_all(self, error: str) -> None:
        """Answer all commands that will get no reply from the VM."""
        running = list(self._running)
        self._running.clear()
        for command in running:
            command.answer(command.lost(error))
        self.refuse_waiting(error)

    def _take_waiting(self) -> list[PendingCommand]:
        with self._lock:
            commands = list(self._waiting)
            self._waiting.clear()
        return commands

    async def _run(self, peer: Peer, command: PendingCommand) -> None:
        """Run and answer the command. If this task is cancelled, :meth:`answer_all` answers it."""
        sent_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(self._timeout_s):
                value = await command.run(peer)
            reply = Reply(value, sent_ns=sent_ns, received_ns=time.monotonic_ns())
        except CommandError as error:
            reply = Reply(error=one_line(str(error)))
        except ProtocolError as error:
            reply = Reply(error=str(error))
        except ConnectionLost:
            reply = command.lost(LOST)
        except TimeoutError:
            reply = Reply(error="the VM does not answer")
        except Exception:
            _log.exception("the command %s failed", command.name)
            reply = Reply(error=FAILED)
        self._running.pop(command, None)
        command.answer(reply)
        self._ended()
