"""The other end of a QMP socket: a fake VM that follows a test's script."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

GREETING = {"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""}, "capabilities": ["oob"]}}
TABLET = [{"name": "QEMU HID Tablet", "index": 2, "current": True, "absolute": True}]
MOUSE = [{"name": "QEMU PS/2 Mouse", "index": 2, "current": True, "absolute": False}]
# Only a failing test waits so long.
LONG_S = 20.0


class Hangup(Exception):
    """Raised by a script: the VM ends the connection."""


class Client:
    """The VM's side of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def say(self, message: Any) -> None:
        self.say_bytes(json.dumps(message).encode() + b"\r\n")

    def say_bytes(self, data: bytes) -> None:
        self._connection.sendall(data)

    def say_no_more(self) -> None:
        self._connection.shutdown(socket.SHUT_WR)

    def hear(self) -> dict[str, Any]:
        line = self._next()
        if not line:
            raise Hangup
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    def close(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._lines.close()
        self._connection.close()

    def _next(self) -> bytes:
        # The package sends no line end: a command ends where its text is valid JSON.
        text = b""
        while byte := self._lines.read(1):
            text += byte
            if byte == b"}":
                with suppress(ValueError):
                    json.loads(text)
                    return text
        return b""


Script = Callable[["FakeVm", Client], None]


class FakeVm:
    """A listening QMP socket. ``script`` serves one connection at a time, as QEMU does; by default :meth:`serve`.

    ``answers`` are the values that commands return; a string is the text of an error.
    """

    def __init__(self, path: Path, script: Script | None = None, listener: socket.socket | None = None) -> None:
        self.path = path
        self.answers: dict[str, Any] = {
            "qmp_capabilities": {},
            "query-status": {"status": "running", "running": True},
            "query-mice": TABLET,
            "input-send-event": {},
        }
        self.heard: list[dict[str, Any]] = []
        self.connections = 0
        self.busy = False
        """Whether a client is served."""
        self._script = script or FakeVm.serve
        self._client: Client | None = None
        self._changed = threading.Condition()
        if listener is None:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(1)
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name="fake VM")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self._thread.join()
        self._listener.close()

    def serve(self, client: Client) -> None:
        client.say(GREETING)
        while True:
            self.answer(client, client.hear())

    def answer(self, client: Client, message: dict[str, Any]) -> None:
        answer = self.answers.get(message["execute"], "The command has not been found")
        if isinstance(answer, str):
            client.say({"id": message["id"], "error": {"class": "GenericError", "desc": answer}})
        elif message["execute"] == "qmp_capabilities":
            client.say({"return": {}})
        else:
            client.say({"id": message["id"], "return": answer})
        # Added after the answer: whoever waits for the command knows that the answer was sent.
        with self._changed:
            self.heard.append(message)
            self._changed.notify_all()

    def settle(self, client: Client) -> None:
        """Send nothing more, and read until the other end disconnects."""
        client.say_no_more()
        while True:
            client.hear()

    def say(self, message: Any) -> None:
        assert self._client is not None
        self._client.say(message)

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def events(self) -> list[Any]:
        """All input events so far."""
        with self._changed:
            return [
                event
                for message in self.heard
                if message["execute"] == "input-send-event"
                for event in message["arguments"]["events"]
            ]

    @property
    def batches(self) -> int:
        with self._changed:
            return sum(message["execute"] == "input-send-event" for message in self.heard)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.busy = True
            self.connections += 1
            self._client = Client(connection)
            with suppress(Hangup, OSError, ValueError):
                self._script(self, self._client)
            self._client.close()
            self.busy = False


def until(condition: Callable[[], object], limit_s: float = LONG_S) -> None:
    """Wait until another thread has made this true."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)
