"""Waiting for a VM on a thread: a look into every process of a large host takes longer than a window may stand."""

import threading
from collections.abc import Callable

from app.open.session import Session
from app.open.waiter import Waiter
from app.planes.status import Reason, Status

# How often the waiter is asked; it decides by itself when to look.
_INTERVAL_S = 0.1
# How often what was found is looked at until somebody takes it.
_WATCH_S = 0.01


class BackgroundWaiter:
    """Owns a thread, and the waiter that ``make`` makes there."""

    def __init__(self, make: Callable[[], Waiter]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._status = Status(Reason.NOT_STARTED)
        self._session: Session | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="waiter", daemon=True)
        self._thread.start()

    def poll(self) -> Session | Status:
        """As :meth:`Waiter.poll`, at once. There is one session only, and nothing is looked for after it.

        Raises what the waiter raised, which is an error of this program's.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            session, self._session = self._session, None
            return session if session is not None else self._status

    def close(self) -> None:
        """Stop after the look that is under way, with nothing left open; more calls do nothing."""
        self._closed.set()
        self._thread.join()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _run(self) -> None:
        try:
            waiter = self._make()
            try:
                while not self._closed.is_set():
                    found = waiter.poll()
                    if not isinstance(found, Session):
                        with self._lock:
                            self._status = found
                        self._closed.wait(_INTERVAL_S)
                    elif self._handed_over(found):
                        return
            finally:
                waiter.close()
        except Exception as error:
            with self._lock:
                self._error = error

    def _handed_over(self, session: Session) -> bool:
        """Whether somebody took it. Until then its VM may end, whose next start must not find the device busy."""
        with self._lock:
            self._session = session
        while not self._closed.wait(_WATCH_S):
            with self._lock:
                if self._session is not session:
                    return True
                if session.ended() is not None:
                    self._session = None
                    session.close()
                    return False
        return False
