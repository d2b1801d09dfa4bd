"""Xenstore over ``/dev/xen/xenbus`` or the socket of xenstored (``drivers/xen/xenbus/xenbus_dev_frontend.c``)."""

import errno
import os
import select
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import NoReturn

from app.xen.abi.xs_wire import (
    XS_DIRECTORY,
    XS_DIRECTORY_PART,
    XS_ERROR,
    XS_GET_PERMS,
    XS_READ,
    XS_RM,
    XS_TRANSACTION_END,
    XS_TRANSACTION_START,
    XS_UNWATCH,
    XS_WATCH,
    XS_WATCH_EVENT,
    XS_WRITE,
)
from app.xen.access.owned_fd import OwnedFd
from app.xen.access.seam import WatchEvent
from app.xen.access.xs_messages import Message, MessageReader, body_of, encode

WAIT_S = 5.0
"""A call of the store lasts this long at most. On a very busy host some answers took more than 2 s.

While a front end is connected xenstore is asked only about its end, so its requests rarely wait for such a call.

Not so with ``/dev/xen/xenbus`` and a xenstored that hangs: there write(2) waits for the answer to XS_WATCH and
XS_UNWATCH, before Linux 4.11 to everything, and O_NONBLOCK does not change that. Nor could the file be closed then.
"""

_READ_BYTES = 1 << 16
_READS = 16
_MOST_EVENTS = 1024
_MOST_PARTS = 64
"""Of the names in a directory, 4 KiB each. A guest can make thousands of names below its own nodes."""


class Xenstore:
    """Takes the fd over, unless it cannot be made, and makes it non-blocking. Used by one thread.

    Raises OSError: ETIMEDOUT, no answer in :data:`WAIT_S`; EPROTO, xenstored sent something else; ECONNRESET, it has
    ended the connection. Every call fails as the first of these did afterwards. Other errors are xenstored's.
    """

    def __init__(self, fd: int, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._fd = OwnedFd(fd)
        self._clock_s = clock_s
        self._reader = MessageReader()
        self._answers: list[Message] = []
        self._events: dict[WatchEvent, None] = {}
        self._tokens: set[str] = set()
        self._request = 0
        self._broken: int | None = None
        os.set_blocking(fd, False)
        with ExitStack() as opened:
            self._epoll = select.epoll()
            opened.callback(self._epoll.close)
            self._signal = OwnedFd(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
            opened.callback(self._signal.close)
            self._epoll.register(fd, select.EPOLLIN)
            with self._signal.use() as signal:
                self._epoll.register(signal, select.EPOLLIN)
            opened.pop_all()

    def fileno(self) -> int:
        """Readable while there is something to read, or an event that came during another call."""
        return self._epoll.fileno()

    def read(self, path: str) -> str:
        return self._ask(XS_READ, body_of((path,)), self._deadline()).text()

    def children(self, path: str) -> tuple[str, ...]:
        """E2BIG: more names than 64 messages hold; ENOSYS: more than one holds, and xenstored is older than Xen 4.9."""
        deadline = self._deadline()
        try:
            return self._ask(XS_DIRECTORY, body_of((path,)), deadline).strings()
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
        return self._children_in_parts(path, deadline)

    def owner(self, path: str) -> int:
        """The first permission is the owner's: a letter and a domid. Raises OSError(EPROTO) for another answer."""
        strings = self._ask(XS_GET_PERMS, body_of((path,)), self._deadline()).strings()
        number = strings[0][1:] if strings else ""
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
        return int(number)

    def write(self, values: Sequence[tuple[str, str]]) -> None:
        """Write these paths, all or none; tried again after EAGAIN as long as a call may last."""
        deadline = self._deadline()
        if len(values) == 1:
            self._write(values, 0, deadline)
            return
        while True:
            try:
                self._transaction(values, deadline)
            except BlockingIOError:
                if self._clock_s() >= deadline:
                    raise
            else:
                return

    def remove(self, path: str) -> None:
        self._ask(XS_RM, body_of((path,)), self._deadline())

    def watch(self, path: str, token: str) -> None:
        self._ask(XS_WATCH, body_of((path, token)), self._deadline())

    def unwatch(self, path: str, token: str) -> None:
        """Events of this watch that wait already are still given."""
        self._ask(XS_UNWATCH, body_of((path, token)), self._deadline())

    def events(self) -> tuple[WatchEvent, ...]:
        """The events that came, equal ones once; after 1024 different ones, one of each watch. Never waits."""
        self._check()
        for _ in range(_READS):
            if not self._receive():
                break
        self._check_unasked()
        events = tuple(self._events)
        self._events.clear()
        self._tokens.clear()
        with suppress(BlockingIOError), self._signal.use() as signal:
            os.eventfd_read(signal)
        return events

    def close(self) -> None:
        """May be called twice."""
        self._epoll.close()
        self._signal.close()
        self._fd.close()

    def _children_in_parts(self, path: str, deadline: float) -> tuple[str, ...]:
        """Names that do not fit into one message (XS_DIRECTORY_PART, ``docs/misc/xenstore.txt``)."""
        generation, names = b"", b""
        for _ in range(_MOST_PARTS):
            answer = self._ask(XS_DIRECTORY_PART, body_of((path, str(len(names)))), deadline)
            now, _, part = answer.body.partition(b"\0")
            if names and now != generation:
                # The directory has changed: from the start.
                names = b""
                continue
            generation, names = now, names + part
            # An empty name ends the list.
            if part == b"\0" or part.endswith(b"\0\0"):
                return replace(answer, body=names[:-1]).strings()
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))

    def _deadline(self) -> float:
        return self._clock_s() + WAIT_S

    def _transaction(self, values: Sequence[tuple[str, str]], deadline: float) -> None:
        strings = self._ask(XS_TRANSACTION_START, b"\0", deadline).strings()
        if len(strings) != 1 or not (strings[0].isascii() and strings[0].isdecimal() and len(strings[0]) <= 10):
            self._break(errno.EPROTO)
        transaction = int(strings[0])
        try:
            self._write(values, transaction, deadline)
        except OSError:
            if self._broken is None:
                with suppress(OSError):
                    self._ask(XS_TRANSACTION_END, b"F\0", deadline, transaction)
            raise
        self._ask(XS_TRANSACTION_END, b"T\0", deadline, transaction)

    def _write(self, values: Sequence[tuple[str, str]], transaction: int, deadline: float) -> None:
        for path, value in values:
            self._ask(XS_WRITE, body_of((path,), value=value), deadline, transaction)

    def _ask(self, kind: int, body: bytes, deadline: float, transaction: int = 0) -> Message:
        """Send one request and wait for its answer."""
        self._check()
        self._check_unasked()
        self._request = self._request + 1 & 0xFFFFFFFF
        message = encode(kind, self._request, transaction, body)
        try:
            self._send(message, deadline)
        except OSError as error:
            # The kernel asks for a watch itself: where xenstored refuses it, the write fails and no answer comes
            # (xenbus_write_watch() in drivers/xen/xenbus/xenbus_dev_frontend.c).
            if kind != XS_WATCH or error.errno == errno.EPIPE:
                self._break(error.errno or errno.EIO)
            raise
        while not self._answers:
            self._wait(select.POLLIN, deadline)
            self._receive()
        answer = self._answers.pop(0)
        # The kernel answers watches itself; some versions leave the number of the request 0 there.
        if self._answers or answer.request not in (self._request, 0) or answer.kind not in (kind, XS_ERROR):
            self._break(errno.EPROTO)
        if answer.kind == XS_ERROR:
            raise answer.error()
        return answer

    def _send(self, content: bytes, deadline: float) -> None:
        left = memoryview(content)
        while left:
            try:
                with self._fd.use() as fd:
                    left = left[os.write(fd, left) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)

    def _wait(self, event: int, deadline: float) -> None:
        poll = select.poll()
        with self._fd.use() as fd:
            poll.register(fd, event)
        left_ms = (deadline - self._clock_s()) * 1000
        if left_ms <= 0 or not poll.poll(left_ms):
            self._break(errno.ETIMEDOUT)

    def _receive(self) -> bool:
        """Read what is there; False if nothing is."""
        try:
            with self._fd.use() as fd:
                content = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            self._break(error.errno or errno.EIO)
        if not content:
            self._break(errno.ECONNRESET)
        try:
            messages = self._reader.feed(content)
        except OSError as error:
            self._break(error.errno or errno.EPROTO)
        for message in messages:
            self._take(message)
        return True

    def _take(self, message: Message) -> None:
        if message.kind != XS_WATCH_EVENT:
            self._answers.append(message)
            return
        strings = message.strings()
        if len(strings) < 2:
            self._break(errno.EPROTO)
        path, token = strings[:2]
        if len(self._events) < _MOST_EVENTS or token not in self._tokens:
            self._events[WatchEvent(path, token)] = None
            self._tokens.add(token)
        with suppress(BlockingIOError), self._signal.use() as signal:
            os.eventfd_write(signal, 1)

    def _check(self) -> None:
        if self._broken is not None:
            raise _failure(self._broken)

    def _check_unasked(self) -> None:
        if self._answers:
            self._break(errno.EPROTO)

    def _break(self, number: int) -> NoReturn:
        self._broken = number
        # Whoever waits for events learns of it, also if the error was not passed on.
        with suppress(OSError), self._signal.use() as signal:
            os.eventfd_write(signal, 1)
        raise _failure(number)


def _failure(number: int) -> OSError:
    return OSError(number, f"xenstored: {os.strerror(number)}")
