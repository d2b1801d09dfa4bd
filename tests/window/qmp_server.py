"""A QMP monitor that only records the input events that it gets."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PATIENCE_S = 20.0
_GREETING = {"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""}, "capabilities": []}}


class QmpServer:
    """Listens at ``path`` until closed. ``absolute``: whether the pointer is a tablet; None for a VM without one."""

    def __init__(self, path: Path, absolute: bool | None = True) -> None:
        self.path = path
        self.absolute = absolute
        self.status = "running"
        # Whether commands get no answer.
        self.stalled = False
        self._lock = threading.Lock()
        self._commands: list[list[dict[str, Any]]] = []
        self._clients: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen(1)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"unix:{self.path}"

    def commands(self) -> list[str]:
        """Each ``input-send-event`` so far, its events in short: "+a" "-a", "+left", "x=16384", "dx=-3"."""
        with self._lock:
            return [" ".join(_short(each) for each in events) for events in self._commands]

    def events(self) -> list[str]:
        """All events so far, in order."""
        return " ".join(self.commands()).split()

    def wait_for(self, *wanted: str) -> list[str]:
        """All events, when they contain ``wanted`` in this order; other events may be between them."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            events = self.events()
            rest = iter(events)
            if all(each in rest for each in wanted):
                return events
            assert time.monotonic() < end, f"{wanted} did not come: {events}"
            time.sleep(0.02)

    def clear(self) -> None:
        with self._lock:
            self._commands.clear()

    def send_event(self, event: str) -> None:
        """Send an event of the VM, such as STOP or RESUME."""
        message = {"event": event, "timestamp": {"seconds": 0, "microseconds": 0}}
        for client in list(self._clients):
            _write(client, message)

    def ask(self, command: str) -> Any:
        """What another program gets: it waits for its turn, as long as another client is served."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_PATIENCE_S)
            client.connect(str(self.path))
            with client.makefile("rb") as lines:
                assert "QMP" in json.loads(lines.readline())
                for each in ("qmp_capabilities", command):
                    client.sendall(json.dumps({"execute": each}).encode())
                    answer = json.loads(lines.readline())["return"]
        return answer

    def hang_up(self) -> None:
        """End all connections; new ones are accepted."""
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self._thread.join()
        self._server.close()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._clients.append(client)
            with client, contextlib.suppress(OSError):
                _write(client, _GREETING)
                for command in _commands(client):
                    if self.stalled:
                        continue
                    # QEMU sends an id only if the command had one.
                    identity = {"id": command["id"]} if "id" in command else {}
                    _write(client, {"return": self._answer(command)} | identity)
            self._clients.remove(client)

    def _answer(self, command: dict[str, Any]) -> Any:
        match command["execute"]:
            case "input-send-event":
                with self._lock:
                    self._commands.append(command["arguments"]["events"])
            case "query-status":
                return {"status": self.status, "running": self.status == "running"}
            case "query-mice":
                mouse = {"name": "a pointer", "index": 1, "current": True, "absolute": self.absolute}
                return [mouse] if self.absolute is not None else []
        return {}


def _commands(client: socket.socket) -> Iterator[dict[str, Any]]:
    """The commands of the client: JSON objects without line ends between them."""
    decoder, text = json.JSONDecoder(), ""
    while data := client.recv(1 << 16):
        text = (text + data.decode()).lstrip()
        while text:
            try:
                command, length = decoder.raw_decode(text)
            except json.JSONDecodeError:
                break
            yield command
            text = text[length:].lstrip()


def _write(client: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        client.sendall(json.dumps(message).encode() + b"\r\n")


def _short(event: dict[str, Any]) -> str:
    data = event["data"]
    match event["type"]:
        case "key":
            return f"{'+' if data['down'] else '-'}{data['key']['data']}"
        case "btn":
            return f"{'+' if data['down'] else '-'}{data['button']}"
        case "abs":
            return f"{data['axis']}={data['value']}"
        case kind:
            return f"{kind[0] if kind != 'rel' else 'd'}{data['axis']}={data['value']}"


@contextlib.contextmanager
def qmp_server(directory: Path, absolute: bool | None = True) -> Iterator[QmpServer]:
    server = QmpServer(directory / "qmp.sock", absolute)
    try:
        yield server
    finally:
        server.close()
