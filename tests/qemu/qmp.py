"""A client of QEMU's monitor for tests: it sends fds too, and measures how long QEMU takes to answer."""

import json
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# Also for an emulated machine on a busy one.
PATIENCE_S = 120.0


class QmpError(Exception):
    """QEMU refused a command. The text is QEMU's."""


class QmpClient:
    """One connection. Commands are answered in their order; events are passed over. ``version`` is QEMU's."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(PATIENCE_S)
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("rb")
            version = self._next()["QMP"]["version"]["qemu"]
            self.version: tuple[int, int] = (version["major"], version["minor"])
            self.command("qmp_capabilities")
        except BaseException:
            self._socket.close()
            raise

    def command(self, execute: str, *, fd: int | None = None, **arguments: Any) -> Any:
        """What a command returns. ``fd`` goes with it ("getfd"). An argument's ``_`` stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        text = json.dumps({"execute": execute, "arguments": named}).encode()
        if fd is None:
            self._socket.sendall(text)
        else:
            socket.send_fds(self._socket, [text], [fd])
        while True:
            reply = self._next()
            if "error" in reply:
                raise QmpError(reply["error"]["desc"])
            if "return" in reply:
                return reply["return"]

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _next(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("QEMU has ended the connection")
        reply: dict[str, Any] = json.loads(line)
        return reply


class AnswerTimes:
    """Asks for the VM's state all the time, on a thread, while the context lasts.

    QMP is served by QEMU's main loop, as the display is: a client that holds the main loop up delays these answers.
    """

    def __init__(self, path: Path, interval_s: float = 0.005) -> None:
        self._client = QmpClient(path)
        self._interval_s = interval_s
        self._seconds: list[float] = []
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="answer times")

    @property
    def worst_s(self) -> float:
        """The longest answer. One that has not come counts as long as it has been waited for."""
        return max(self._seconds)

    @property
    def median_s(self) -> float:
        return sorted(self._seconds)[len(self._seconds) // 2]

    @property
    def count(self) -> int:
        return len(self._seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()
        if self._failure is not None:
            raise self._failure

    def _ask(self) -> None:
        while True:
            asked = time.monotonic()
            try:
                self._client.command("query-status")
            except (OSError, ValueError) as error:
                self._failure = error
                return
            self._seconds.append(time.monotonic() - asked)
            if self._stop.wait(self._interval_s):
                return
