"""One D-Bus connection over a socket that is there already: authentication, and whole messages in and out.

No call waits. We are the client of the authentication on every socket, also on those that we made for a listener:
QEMU is the server there (ui/dbus-console.c). One ``sendmsg`` of the sender has the fds of one message. So nothing is
read past the end of the message that is under way: its fds would be taken for those of the next one.
"""

import array
import errno
import itertools
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from jeepney import FileDescriptor, Message
from jeepney.auth import BEGIN, AuthenticationError, Authenticator

from app.dbus_display.wire.messages import FIXED_PART, LARGEST, MOST_FDS, NotDbus, WireError, parse, size_of
from app.errors import error_text

_AUTHENTICATION_BYTES = 512
_CHUNK = 1 << 18
# A large message comes in several turns, so that another connection has its own.
_READS_A_TURN = 32
_ANCILLARY = socket.CMSG_SPACE(MOST_FDS * array.array("i").itemsize)
_NO_ROOM = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Wire:
    """Owns the socket. ``largest`` is the size in bytes of a message that is accepted, ``most_queued`` of our output.
    ``serials`` are the numbers of our messages; they can be shared with a later connection.

    Every method but :meth:`close` raises :class:`WireError` once the connection is of no use: close it then.
    """

    def __init__(
        self,
        connection: socket.socket,
        largest: int = LARGEST,
        most_queued: int = 1 << 16,
        serials: Iterator[int] | None = None,
    ) -> None:
        self._socket: socket.socket | None = connection
        connection.setblocking(False)
        self._largest = largest
        self._most_queued = most_queued
        self._authenticator = Authenticator(enable_fds=True)
        self._message = bytearray(FIXED_PART)
        self._got = 0
        self._size = 0
        self._fds: list[FileDescriptor] = []
        self._output: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._queued = 0
        self._serials = serials or itertools.count(1)

    def start(self) -> None:
        """Send the first line of the authentication. The other side need not read yet."""
        self._send_authentication()

    def fileno(self) -> int:
        return self._socket.fileno() if self._socket else -1

    @property
    def authenticated(self) -> bool:
        return bool(self._authenticator.authenticated)

    @property
    def wants_to_send(self) -> bool:
        """Whether there is output that the socket had no room for."""
        return bool(self._output)

    def next_serial(self) -> int:
        """The serial number of a message of ours. May be called on any thread."""
        return next(self._serials)

    def watched_by(self, watch: Callable[[socket.socket], None]) -> None:
        """Show the socket to who watches it. It stays ours."""
        watch(self._open_socket())

    def receive(self) -> Message | None:
        """The next message, None if there is none yet. Its fds are FileDescriptor objects, which the caller closes."""
        if not self.authenticated:
            self._authenticate()
            if not self.authenticated:
                return None
        for _ in range(_READS_A_TURN):
            wanted = (self._size or FIXED_PART) - self._got
            if wanted and not self._fill(wanted):
                return None
            if not self._size and self._got == FIXED_PART:
                self._size = size_of(self._message)
                if self._size > self._largest:
                    raise WireError(f"a message of {self._size} bytes is too large")
            if self._size and self._got == self._size:
                return self._take()
        return None

    def send(self, message: Message, serial: int | None = None) -> None:
        """Send a message, or queue it."""
        numbers = array.array("i")
        data = message.serialise(serial=serial if serial is not None else self.next_serial(), fds=numbers)
        self.send_bytes(data, tuple(numbers))

    def send_bytes(self, data: bytes, fds: tuple[int, ...] = ()) -> None:
        """Send a message that is serialised already. ``fds`` stay the caller's; they are duplicated for the queue."""
        if self._queued + len(data) > self._most_queued and self._output:
            raise WireError("the other side does not read what it asked for")
        view = memoryview(data)
        if not self._output:
            sent = self._write(view, fds)
            view, fds = view[sent:], () if sent else fds
        if view:
            self._output.append((view, _duplicates(fds)))
            self._queued += len(view)

    def flush(self) -> None:
        """Send what was queued, as far as there is room."""
        while self._output:
            view, fds = self._output[0]
            sent = self._write(view, fds)
            self._output.popleft()
            self._queued -= sent
            if sent:
                _close_all(fds)
            if sent < len(view):
                self._output.appendleft((view[sent:], () if sent else fds))
                return

    def close(self) -> None:
        """End the connection for everyone who has the socket; more calls do nothing."""
        connection, self._socket = self._socket, None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for each in self._fds:
            each.close()
        self._fds.clear()
        while self._output:
            _close_all(self._output.popleft()[1])
        self._message = bytearray()

    def _authenticate(self) -> None:
        try:
            # A plain recv: the kernel drops fds, which nobody may send now.
            data = self._open_socket().recv(_AUTHENTICATION_BYTES)
        except OSError as error:
            if error.errno in _NO_ROOM:
                return
            raise WireError(f"the connection failed: {error.strerror}") from None
        if not data:
            raise WireError("the connection ended during authentication")
        try:
            self._authenticator.feed(data)
        except AuthenticationError:
            if data.startswith((b"REJECTED", b"ERROR")):
                raise WireError("the authentication was refused") from None
            raise NotDbus("it does not speak D-Bus") from None
        self._send_authentication()

    def _send_authentication(self) -> None:
        line = BEGIN if self.authenticated else self._authenticator.data_to_send()
        if line and self._write(memoryview(line), ()) != len(line):
            raise WireError("the other side does not read")

    def _fill(self, wanted: int) -> bool:
        """Receive into the message; False if nothing is there now."""
        # The memory grows with what has come, not with what a header claims.
        wanted = min(wanted, max(_CHUNK, self._got))
        if len(self._message) < self._got + wanted:
            self._message.extend(bytes(self._got + wanted - len(self._message)))
        try:
            with memoryview(self._message) as whole, whole[self._got : self._got + wanted] as part:
                count, ancillary, flags, _ = self._open_socket().recvmsg_into(
                    [part], _ANCILLARY, socket.MSG_CMSG_CLOEXEC
                )
        except OSError as error:
            if error.errno in _NO_ROOM:
                return False
            raise WireError(f"the connection failed: {error.strerror}") from None
        self._fds += FileDescriptor.from_ancdata(ancillary)
        if len(self._fds) > MOST_FDS:
            raise WireError("too many fds in a message")
        if flags & socket.MSG_CTRUNC:
            # There are more than there is room for, or this process may have no more of them.
            raise WireError("not all fds of a message could be taken")
        if not count:
            raise WireError("the connection ended")
        self._got += count
        return True

    def _take(self) -> Message:
        data, fds = self._message, self._fds
        self._message, self._fds, self._got, self._size = bytearray(FIXED_PART), [], 0, 0
        try:
            return parse(data, fds)
        except WireError:
            for each in fds:
                each.close()
            raise

    def _write(self, data: memoryview, fds: tuple[int, ...]) -> int:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            return self._open_socket().sendmsg([data], ancillary, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno in _NO_ROOM:
                return 0
            raise WireError(f"the connection failed: {error.strerror}") from None

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise WireError("the connection is closed")
        return self._socket


def _duplicates(fds: tuple[int, ...]) -> tuple[int, ...]:
    made: list[int] = []
    try:
        for each in fds:
            made.append(os.dup(each))
    except OSError as error:
        _close_all(made)
        raise WireError(f"a fd cannot be sent: {error_text(error)}") from None
    return tuple(made)


def _close_all(fds: Iterable[int]) -> None:
    for each in fds:
        os.close(each)
