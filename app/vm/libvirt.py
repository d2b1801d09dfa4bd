"""The monitor of a VM that libvirt runs, through libvirt's own passthrough to it.

libvirt holds the one connection to the QMP monitor, and passes on single commands (virsh qemu-monitor-command, the
function virDomainQemuMonitorCommand); it marks the domain as tainted by a custom monitor for that. Its functions wait
for the answer, so they are called on a thread that nobody waits for. Events are not asked for, as they would need
libvirt's event loop: what changes is seen at the next look.
"""

import asyncio
import importlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from app.vm.answers import plain
from app.vm.monitor import Changed
from app.vm.monitor_connection import MonitorLink, Patience
from app.vm.monitor_lookup import LibvirtDomain
from app.vm.peer import Lost, Nonsense, Refused

_T = TypeVar("_T")
_HANG_UP_S = 0.3
NO_ANSWER = "libvirt does not answer: it may be waiting for a password, or be busy with this VM"


def open_domain(domain: LibvirtDomain, changed: Changed, patience: Patience | None = None) -> MonitorLink:
    """The monitor of ``domain``. Returns at once; whether it answers shows in its link."""
    return MonitorLink(lambda: _connected(domain), NO_ANSWER, changed, patience)


class _Worker:
    """Runs what waits, one after the other, on a thread that does not keep the program from ending."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="libvirt", daemon=True)
        self._thread.start()

    async def do(self, function: Callable[[], _T]) -> _T:
        """Raises what the function raises. When it is cancelled the function goes on, and nobody hears of it."""
        done: asyncio.Future[_T] = self._loop.create_future()

        def job() -> None:
            try:
                value = function()
            except Exception as error:
                self._tell(done, lambda error=error: done.set_exception(error))  # type: ignore[misc]
            else:
                self._tell(done, lambda: done.set_result(value))

        self._jobs.put(job)
        return await done

    async def end(self, last: Callable[[], None]) -> None:
        """Return when all that was to be done is done, and then ``last``."""
        self._jobs.put(last)
        self._jobs.put(None)
        await self._ended.wait()
        self._thread.join()

    def _tell(self, done: "asyncio.Future[Any]", tell: Callable[[], None]) -> None:
        # The loop may be closed by now.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: None if done.done() else tell())

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)


class _LibvirtPeer:
    def __init__(self, worker: _Worker, library: Any, passthrough: Any, domain: Any) -> None:
        self._worker = worker
        self._library = library
        self._passthrough = passthrough
        self._domain = domain

    async def execute(self, command: str, arguments: Mapping[str, Any] | None) -> Any:
        message = {"execute": command} | ({"arguments": arguments} if arguments is not None else {})
        try:
            text = await self._worker.do(lambda: self._pass_on(json.dumps(message)))
        except self._library.libvirtError as error:
            raise Refused(_words(error)) from error
        return _answer(text)

    async def news(self) -> None:
        await asyncio.Event().wait()

    async def lost(self) -> str:
        # Each command shows it.
        await asyncio.Event().wait()
        raise AssertionError

    def _pass_on(self, message: str) -> str:
        try:
            return str(self._passthrough.qemuMonitorCommand(self._domain, message, 0))
        except self._library.libvirtError as error:
            if not self._is_running():
                raise Lost(_words(error)) from error
            raise

    def _is_running(self) -> bool:
        try:
            return bool(self._domain.isActive())
        except self._library.libvirtError:
            return False


@asynccontextmanager
async def _connected(domain: LibvirtDomain) -> AsyncIterator[_LibvirtPeer]:
    try:
        library, passthrough = importlib.import_module("libvirt"), importlib.import_module("libvirt_qemu")
    except ImportError as error:
        raise Lost(f"libvirt's Python module does not work: {plain(str(error))}") from error
    # Else it prints its errors to standard error by itself.
    library.registerErrorHandler(lambda _context, _error: None, None)
    worker = _Worker()
    opened: list[Any] = []
    try:
        yield _LibvirtPeer(worker, library, passthrough, await _look_up(domain, worker, library, opened))
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_HANG_UP_S):
                await worker.end(lambda: _close(opened, library))


async def _look_up(domain: LibvirtDomain, worker: _Worker, library: Any, opened: list[Any]) -> Any:
    """libvirt's object of the domain. The connection is added to ``opened``."""
    reasons = []
    for uri in domain.uris:

        def look_up(uri: str = uri) -> Any:
            opened.append(library.open(uri))
            if domain.uuid is not None:
                return opened[-1].lookupByUUIDString(domain.uuid)
            return opened[-1].lookupByName(domain.name)

        try:
            return await worker.do(look_up)
        except library.libvirtError as error:
            reasons.append(f"{uri}: {_words(error)}")
    raise Lost(plain("; ".join(reasons), 200))


def _close(opened: list[Any], library: Any) -> None:
    while opened:
        with suppress(library.libvirtError):
            opened.pop().close()


def _words(error: Exception) -> str:
    return plain(str(error))


def _answer(text: str) -> Any:
    """What QEMU answered, as libvirt passes it on."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    match answer:
        case {"error": {"desc": str(words)}}:
            raise Refused(words)
        case {"return": value}:
            return value
    raise Nonsense("libvirt passes on an answer that makes no sense")
