"""xenstored for one connection: the wire protocol of ``xen/include/public/io/xs_wire.h`` on a socket."""

import errno
import os
import selectors
import socket
import struct
import threading
from contextlib import suppress

from tests.xen.store_tree import StoreTree, Transaction, Watch

HEADER = struct.Struct("=IIII")
PAYLOAD_MAX = 4096
(DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TRANSACTION_START, TRANSACTION_END) = range(1, 8)
GET_DOMAIN_PATH, WRITE, MKDIR, RM, SET_PERMS, WATCH_EVENT, ERROR = 10, 11, 12, 13, 14, 15, 16
DIRECTORY_PART = 22
RELEASE_S = 5.0


class FakeStore:
    """Serves a tree to one client, on a thread of its own; ``client`` is the client's fd, which the caller takes over.

    ``events_first``: the first event of a watch comes before the answer, as the kernel's /dev/xen/xenbus may give it.
    """

    def __init__(self, tree: StoreTree, *, events_first: bool = False) -> None:
        self._tree = tree
        self._events_first = events_first
        self._socket, client = socket.socketpair()
        self._socket.setblocking(False)
        self.client = client.detach()
        self.silent = False
        """Answer nothing from now on, as a xenstored that hangs."""
        self.errors: dict[tuple[int, str], int] = {}
        """The errno for a message type and path."""
        self.answered = 0
        """So many messages were answered."""
        self._lock = threading.Lock()
        self._out = bytearray()
        self._in = bytearray()
        self._watches: dict[tuple[str, str], Watch] = {}
        self._transactions: dict[int, Transaction] = {}
        self._last_transaction = 0
        self._stop = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._serve, name="fake-xenstored")
        self._thread.start()

    def close(self) -> None:
        """End the connection as a xenstored that dies. More calls do nothing."""
        with self._lock:
            if self._stop:
                return
            self._stop = True
            os.eventfd_write(self._wake, 1)
        self._thread.join(RELEASE_S)
        assert not self._thread.is_alive(), "the fake xenstored hangs"
        with self._lock:
            wake, self._wake = self._wake, -1
            os.close(wake)
        self._socket.close()

    def push(self, message: bytes) -> None:
        """Send these bytes as they are, for tests of the client."""
        with self._lock:
            if not self._stop:
                self._out += message
                os.eventfd_write(self._wake, 1)

    def _serve(self) -> None:
        try:
            self._serve_until_end()
        finally:
            # As xenstored forgets what a client that is gone watched.
            for each in self._watches.values():
                self._tree.unwatch(each)
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _serve_until_end(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.register(self._socket, selectors.EVENT_READ)
            while True:
                ready = selector.select()
                with self._lock:
                    if self._stop:
                        return
                    with suppress(BlockingIOError):
                        os.eventfd_read(self._wake)
                came = any(key.fileobj is self._socket and mask & selectors.EVENT_READ for key, mask in ready)
                if (came and not self._receive()) or not self._send():
                    return
                with self._lock:
                    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
                selector.modify(self._socket, wanted)

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._in += data
        while len(self._in) >= HEADER.size:
            kind, request, transaction, length = HEADER.unpack_from(self._in)
            if length > PAYLOAD_MAX:
                return False
            if len(self._in) < HEADER.size + length:
                break
            body = bytes(self._in[HEADER.size : HEADER.size + length])
            del self._in[: HEADER.size + length]
            if not self.silent:
                self._answer(kind, request, transaction, body)
        return bool(data)

    def _send(self) -> bool:
        with self._lock:
            try:
                while self._out:
                    del self._out[: self._socket.send(self._out)]
            except BlockingIOError:
                return True
            except OSError:
                return False
        return True

    def _queue(self, kind: int, request: int, transaction: int, body: bytes) -> None:
        self.push(HEADER.pack(kind, request, transaction, len(body)) + body)

    def _answer(self, kind: int, request: int, transaction: int, body: bytes) -> None:
        self.answered += 1
        if kind == WATCH:
            # The event of a new watch is queued inside, so its answer is too.
            self._start_watch(request, body)
            return
        try:
            answer = self._do(kind, transaction, body)
        except OSError as error:
            self._refuse(request, transaction, error)
        else:
            self._queue(kind, request, transaction, answer)

    def _refuse(self, request: int, transaction: int, error: OSError) -> None:
        name = errno.errorcode.get(error.errno or 0, "EIO")
        self._queue(ERROR, request, transaction, name.encode() + b"\0")

    def _start_watch(self, request: int, body: bytes) -> None:
        fields = body.split(b"\0")
        path, token = (os.fsdecode(each) for each in fields[:2])
        ok = HEADER.pack(WATCH, request, 0, 3) + b"OK\0"
        try:
            self._check(WATCH, path)
            if (path, token) in self._watches:
                raise OSError(errno.EEXIST, path)
            if not self._events_first:
                self.push(ok)
            self._watches[path, token] = self._tree.watch(path, token, self._fired)
            if self._events_first:
                self.push(ok)
        except OSError as error:
            self._refuse(request, 0, error)

    def _fired(self, path: str, token: str) -> None:
        self._queue(WATCH_EVENT, 0, 0, os.fsencode(path) + b"\0" + os.fsencode(token) + b"\0")

    def _check(self, kind: int, path: str) -> None:
        if (kind, path) in self.errors:
            raise OSError(self.errors[kind, path], path)

    def _do(self, kind: int, number: int, body: bytes) -> bytes:
        transaction = None
        if number:
            transaction = self._transactions.get(number)
            if transaction is None:
                raise OSError(errno.ENOENT, "no such transaction")
        fields = body.split(b"\0")
        path = os.fsdecode(fields[0])
        self._check(kind, path)
        if kind == DIRECTORY:
            return self._directory(path, transaction)
        if kind == DIRECTORY_PART:
            return self._directory_part(path, int(fields[1]))
        if kind == READ:
            return os.fsencode(self._tree.read(path, transaction))
        if kind == GET_PERMS:
            return f"n{self._tree.owner(path)}\0r1\0".encode()
        if kind == WRITE:
            self._tree.write(path, os.fsdecode(body.partition(b"\0")[2]), transaction)
        elif kind == MKDIR:
            if path not in self._tree.below("/"):
                self._tree.write(path, "", transaction)
        elif kind == RM:
            self._tree.remove(path, transaction)
        elif kind == UNWATCH:
            self._stop_watch(path, os.fsdecode(fields[1]))
        elif kind == TRANSACTION_START:
            return self._begin()
        elif kind == TRANSACTION_END:
            self._end(number, path)
        elif kind == GET_DOMAIN_PATH:
            return b"/local/domain/" + fields[0] + b"\0"
        elif kind != SET_PERMS:
            raise OSError(errno.ENOSYS, str(kind))
        return b"OK\0"

    def _directory(self, path: str, transaction: Transaction | None) -> bytes:
        names = self._names(path, transaction)
        if len(names) > PAYLOAD_MAX:
            raise OSError(errno.E2BIG, path)
        return names

    def _directory_part(self, path: str, start: int) -> bytes:
        """A number that changes with the node, whole names, and an empty one at the end (send_directory_part())."""
        names, number = self._names(path, None), b"%d\0" % self._tree.generation
        end = min(len(names), start + PAYLOAD_MAX - len(number) - 1)
        end = names.rfind(b"\0", 0, end) + 1
        return number + names[start:end] + (b"\0" if end == len(names) else b"")

    def _names(self, path: str, transaction: Transaction | None) -> bytes:
        return b"".join(os.fsencode(each) + b"\0" for each in self._tree.children(path, transaction))

    def _stop_watch(self, path: str, token: str) -> None:
        watch = self._watches.pop((path, token), None)
        if watch is None:
            raise OSError(errno.ENOENT, path)
        self._tree.unwatch(watch)

    def _begin(self) -> bytes:
        self._last_transaction += 1
        self._transactions[self._last_transaction] = self._tree.begin()
        return b"%d\0" % self._last_transaction

    def _end(self, number: int, choice: str) -> None:
        transaction = self._transactions.pop(number, None)
        if transaction is None:
            raise OSError(errno.ENOENT, "no such transaction")
        if choice == "T":
            self._tree.commit(transaction)
        elif choice != "F":
            raise OSError(errno.EINVAL, choice)
