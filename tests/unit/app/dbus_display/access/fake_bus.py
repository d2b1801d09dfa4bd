"""A bus in a thread: it answers the questions by which VMs are found."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jeepney import HeaderFields

from tests.qemu.peer import Peer, accept, error, method_return

LATE_S = 20.0


class FakeBus:
    """``answers`` are the values of the bus' methods, by name and first argument. ``serve`` gets each connection."""

    def __init__(self, path: Path, serve: Callable[[socket.socket], None] | None = None) -> None:
        self.path = path
        self.answers: dict[tuple[str, ...], tuple[str, Any]] = {("Hello",): ("s", ":1.9")}
        self.asked: list[tuple[str, ...]] = []
        self._serve = serve or self.answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._thread = threading.Thread(target=self._run, name="fake bus")
        self._thread.start()

    def has(self, *vms: tuple[str, int | None]) -> None:
        """The unique names and pids of the clients that wait for QEMU's name."""
        self.answers["ListQueuedOwners", "org.qemu"] = ("as", [name for name, _ in vms])
        for name, pid in vms:
            if pid is not None:
                self.answers["GetConnectionUnixProcessID", name] = ("u", pid)

    def answer(self, connection: socket.socket) -> None:
        accept(connection)
        peer = Peer(connection)
        while True:
            call = peer.receive()
            assert call.header.fields[HeaderFields.destination] == "org.freedesktop.DBus"
            question = (call.header.fields[HeaderFields.member], *call.body)
            self.asked.append(question)
            if question in self.answers:
                signature, value = self.answers[question]
                peer.send(method_return(call, signature, (value,)))
            else:
                peer.send(error(call, "org.freedesktop.DBus.Error.Failed", "no"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(LATE_S)
                try:
                    self._serve(connection)
                except (OSError, EOFError):
                    continue
