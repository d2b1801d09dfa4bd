"""Reads what the host knows about a session in a thread of its own, for windows and for ``inspect --watch``."""

import logging
import threading
import time
from collections.abc import Callable

from app.diagnosis.picture.host_facts import HostFacts

_log = logging.getLogger(__name__)

# Facts whose successor is so late say nothing of now: the window's picture was well, and nobody asked meanwhile.
_STALE_S = 5.0
# At the end of a window or command. A read ends within two seconds, and what is left of it touches nothing of it.
_JOIN_S = 0.5
_SECOND = 1_000_000_000

Read = Callable[[], HostFacts]


class HostFactsReader:
    """Owns one thread at a time. All calls come from one thread, and none waits but :meth:`close`."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """``clock`` gives nanoseconds."""
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._began_ns: int | None = None
        self._facts = HostFacts()
        # When the read of these facts began.
        self._facts_ns = 0
        # Another object for each session: a read for the session before stores its answer where nobody looks.
        self._answers: list[tuple[int, HostFacts]] = []

    def latest(self, read: Read, period_s: float) -> HostFacts:
        """The facts of the last read that has ended. Starts a read if the last one began ``period_s`` seconds ago.

        Facts that are much older than that are not told, because the VM may have been stopped or started since.
        """
        if self._answers:
            self._facts_ns, self._facts = self._answers[-1]
            self._answers.clear()
        now = self._clock()
        if now - self._facts_ns > (2 * period_s + _STALE_S) * _SECOND:
            self._facts = HostFacts()
        due = self._began_ns is None or now - self._began_ns >= period_s * _SECOND
        if due and (self._thread is None or not self._thread.is_alive()):
            self._began_ns = now
            self._start(read, now)
        return self._facts

    def _start(self, read: Read, began_ns: int) -> None:
        answers = self._answers

        def run() -> None:
            try:
                answers.append((began_ns, read()))
            except Exception as error:
                # All else works without these facts.
                _log.info("what the host knows about the device cannot be read: %s", error)

        thread = threading.Thread(target=run, name="host-facts", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _log.info("no thread is left to read what the host knows about the device: %s", error)
            return
        self._thread = thread

    def forget(self) -> None:
        """Forget the facts: another session is shown. A read that runs is not waited for."""
        self._facts, self._answers, self._began_ns = HostFacts(), [], None

    def close(self) -> None:
        """Wait a short while for the read that runs. More calls do nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_JOIN_S)
