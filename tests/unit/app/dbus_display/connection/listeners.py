"""A listener that notes what it is told."""

import threading
import time
from collections.abc import Callable

from jeepney import HeaderFields, Message

from app.dbus_display.connection.listener import Answer, Done
from app.dbus_display.wire.messages import close_fds
from app.dbus_display.wire.names import LISTENER_DMABUF2, LISTENER_MAP

PATIENCE_S = 20.0


class NotingListener:
    """``answer`` is given to each call; those in ``due`` are answered when asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.interfaces: tuple[str, ...] = (LISTENER_MAP, LISTENER_DMABUF2)
        self.members: list[str] = []
        self.serials: list[int] = []
        self.due: list[int] = []
        self.ends: list[tuple[str, bool]] = []
        self.registrations = 0
        self.threads: set[str] = set()
        self._answer: Answer = answer or Done()

    def handle(self, call: Message, now_ns: int) -> Answer:
        self.threads.add(threading.current_thread().name)
        close_fds(call.body)
        self.serials.append(call.header.serial)
        self.members.append(call.header.fields[HeaderFields.member])
        return self._answer

    def due_answers(self, now_ns: int) -> tuple[list[int], int | None]:
        due, self.due = self.due, []
        return due, None

    def closed(self, reason: str, *, ended: bool) -> None:
        self.ends.append((reason, ended))

    def registered(self) -> None:
        self.registrations += 1


def wait_until(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.002)
