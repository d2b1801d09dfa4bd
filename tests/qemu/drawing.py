"""A guest that draws all the time."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Drawing:
    """Calls ``draw`` with 0, 1, 2 and so on, on a thread, while the context lasts. ``worst_s`` is its longest call.

    A call takes long where the VM waits for its viewer.
    """

    def __init__(self, draw: Callable[[int], None], interval_s: float = 0.002) -> None:
        self.count = 0
        self.worst_s = 0.0
        self._draw = draw
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="drawing")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            began = time.monotonic()
            try:
                self._draw(self.count)
            except (OSError, AssertionError) as failure:
                self._failure = failure
                return
            self.worst_s = max(self.worst_s, time.monotonic() - began)
            self.count += 1
