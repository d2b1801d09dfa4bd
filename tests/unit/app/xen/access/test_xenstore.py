"""The client of xenstore: against a fake xenstored that follows the protocol, and one that does not."""

import errno
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from app.xen.abi.xs_wire import (
    XS_ERROR,
    XS_READ,
    XS_TRANSACTION_END,
    XS_TRANSACTION_START,
    XS_WATCH,
    XS_WATCH_EVENT,
    XS_WRITE,
)
from app.xen.access.seam import WatchEvent
from app.xen.access.xenstore import Xenstore
from tests.xen.store_server import FakeStore
from tests.xen.store_tree import StoreTree


class _Daemon:
    """The other end of a connection, which a test writes by hand."""

    def __init__(self) -> None:
        self.socket, client = socket.socketpair()
        self.client = client.detach()

    def request(self) -> tuple[int, int, int, bytes]:
        kind, request, transaction, length = struct.unpack("=4I", self.socket.recv(16, socket.MSG_WAITALL))
        return kind, request, transaction, self.socket.recv(length, socket.MSG_WAITALL) if length else b""

    def send(self, kind: int, request: int, body: bytes, transaction: int = 0) -> None:
        self.socket.sendall(struct.pack("=4I", kind, request, transaction, len(body)) + body)


class _Clock:
    """Each look at it takes ``step`` seconds."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@contextmanager
def _store(step: float = 0.0) -> Iterator[tuple[_Daemon, Xenstore]]:
    daemon = _Daemon()
    store = Xenstore(daemon.client, clock_s=_Clock(step))
    try:
        yield daemon, store
    finally:
        store.close()
        daemon.socket.close()


@contextmanager
def _serving(tree: StoreTree, *, events_first: bool = False) -> Iterator[Xenstore]:
    server = FakeStore(tree, events_first=events_first)
    store = Xenstore(server.client)
    try:
        yield store
    finally:
        store.close()
        server.close()


def _readable(store: Xenstore, wait_ms: int = 0) -> bool:
    poll = select.poll()
    poll.register(store.fileno(), select.POLLIN)
    return bool(poll.poll(wait_ms))


def test_nodes_are_written_read_listed_and_removed() -> None:
    with _serving(StoreTree()) as store:
        store.write([("/local/domain/1/name", "guest ü"), ("/local/domain/1/state", "4")])
        assert store.read("/local/domain/1/name") == "guest ü"
        assert sorted(store.children("/local/domain/1")) == ["name", "state"]
        store.write([("/local/domain/1/state", "")])
        assert store.read("/local/domain/1/state") == ""
        store.remove("/local/domain/1")
        with pytest.raises(FileNotFoundError):
            store.read("/local/domain/1/name")


@pytest.mark.parametrize("count", [682, 683, 5000])
def test_a_directory_is_listed_that_does_not_fit_into_one_message(count: int) -> None:
    tree = StoreTree()
    names = [str(10000 + number) for number in range(count)]
    tree.write_all([(f"/local/domain/{each}/name", "guest") for each in names])
    with _serving(tree) as store:
        assert list(store.children("/local/domain")) == names


def test_a_long_directory_that_changes_meanwhile_is_listed_from_the_start() -> None:
    parts = [b"1\0a\0b\0", b"2\0c\0\0", b"2\0b\0", b"2\0c\0\0"]
    offsets: list[bytes] = []
    with _store() as (daemon, store):

        def serve() -> None:
            daemon.send(XS_ERROR, daemon.request()[1], b"E2BIG\0")
            for part in parts:
                kind, request, _, body = daemon.request()
                offsets.append(body)
                daemon.send(kind, request, part)

        thread = threading.Thread(target=serve)
        thread.start()
        assert store.children("/a") == ("b", "c")
        thread.join()
    assert offsets == [b"/a\0000\0", b"/a\0004\0", b"/a\0000\0", b"/a\0002\0"]


def test_a_directory_without_an_end_is_an_error_of_the_call_alone() -> None:
    with _store() as (daemon, store):

        def serve() -> None:
            daemon.send(XS_ERROR, daemon.request()[1], b"E2BIG\0")
            for _ in range(64):
                kind, request, _, _ = daemon.request()
                daemon.send(kind, request, b"1\0name\0")
            daemon.send(XS_READ, daemon.request()[1], b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(OSError) as raised:
            store.children("/a")
        assert raised.value.errno == errno.E2BIG
        assert store.read("/b") == "x"
        thread.join()


def test_a_watch_that_the_kernel_refuses_is_an_error_of_the_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, content: bytes) -> int:
        raise PermissionError(errno.EACCES, "not for this domain")

    with _serving(StoreTree()) as store:
        with monkeypatch.context() as context:
            context.setattr("app.xen.access.xenstore.os.write", refuse)
            with pytest.raises(PermissionError):
                store.watch("@releaseDomain", "mine")
        store.write([("/a", "1")])
        assert store.read("/a") == "1"


def test_the_owner_of_a_node_is_told() -> None:
    tree = StoreTree()
    tree.write("/a", "1")
    tree.write("/b", "1")
    tree.owners["/b"] = 7
    with _serving(tree) as store:
        assert (store.owner("/a"), store.owner("/b")) == (0, 7)
        with pytest.raises(FileNotFoundError):
            store.owner("/c")


@pytest.mark.parametrize("events_first", [False, True])
def test_an_event_that_comes_during_a_call_makes_the_fd_readable(events_first: bool) -> None:
    with _serving(StoreTree(), events_first=events_first) as store:
        store.watch("/a", "mine")
        store.write([("/a/b", "1")])
        assert _readable(store, 5000)
        seen: set[WatchEvent] = set()
        while _readable(store, 5000 if WatchEvent("/a/b", "mine") not in seen else 0):
            seen.update(store.events())
        assert seen == {WatchEvent("/a", "mine"), WatchEvent("/a/b", "mine")}
        store.unwatch("/a", "mine")
        store.write([("/a/b", "2")])
        assert store.events() == ()


def test_an_event_in_the_middle_of_an_answer_in_pieces_is_kept() -> None:
    with _store() as (daemon, store):

        def serve() -> None:
            _, request, _, _ = daemon.request()
            event = struct.pack("=4I", XS_WATCH_EVENT, 0, 0, 9) + b"/x\0token\0"
            answer = struct.pack("=4I", XS_READ, request, 0, 5) + b"value"
            for octet in event + answer:
                daemon.socket.sendall(bytes([octet]))

        thread = threading.Thread(target=serve)
        thread.start()
        assert store.read("/a") == "value"
        thread.join()
        assert _readable(store)
        assert store.events() == (WatchEvent("/x", "token"),)
        assert not _readable(store)


def test_a_transaction_is_tried_again_after_eagain() -> None:
    with _store() as (daemon, store):
        ends: list[bytes] = []

        def serve() -> None:
            while len(ends) < 2:
                kind, request, transaction, body = daemon.request()
                if kind == XS_TRANSACTION_START:
                    daemon.send(kind, request, b"%d\0" % (7 + len(ends)))
                elif kind == XS_TRANSACTION_END:
                    ends.append(b"%d " % transaction + body)
                    again = len(ends) == 1
                    daemon.send(XS_ERROR if again else kind, request, b"EAGAIN\0" if again else b"OK\0")
                else:
                    assert (kind, transaction) == (XS_WRITE, 7 + len(ends))
                    daemon.send(kind, request, b"OK\0", transaction)

        thread = threading.Thread(target=serve)
        thread.start()
        store.write([("/a", "1"), ("/b", "2")])
        thread.join()
        assert ends == [b"7 T\0", b"8 T\0"]


def test_a_transaction_that_never_succeeds_ends_with_eagain() -> None:
    with _store(step=0.01) as (daemon, store):

        def serve() -> None:
            # Until the store closes, which may leave an answer unread.
            with suppress(struct.error, ConnectionError):
                while True:
                    kind, request, transaction, _ = daemon.request()
                    if kind == XS_TRANSACTION_END:
                        daemon.send(XS_ERROR, request, b"EAGAIN\0")
                    else:
                        daemon.send(kind, request, b"7\0", transaction)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(OSError) as refused:
            store.write([("/a", "1"), ("/b", "2")])
        store.close()
        thread.join()
        assert refused.value.errno in (errno.EAGAIN, errno.ETIMEDOUT)


def test_a_failed_write_ends_its_transaction_and_the_connection_stays_usable() -> None:
    tree = StoreTree()
    server = FakeStore(tree)
    server.errors[XS_WRITE, "/b"] = errno.EACCES
    store = Xenstore(server.client)
    try:
        with pytest.raises(PermissionError):
            store.write([("/a", "1"), ("/b", "2")])
        with pytest.raises(FileNotFoundError):
            store.read("/a")
    finally:
        store.close()
        server.close()


def test_no_answer_is_etimedout_and_so_is_everything_after() -> None:
    with _store(step=1.5) as (daemon, store):
        with pytest.raises(TimeoutError):
            store.read("/a")
        daemon.send(XS_READ, 1, b"late")
        for call in (lambda: store.read("/a"), store.events, lambda: store.write([("/a", "1")])):
            with pytest.raises(TimeoutError):
                call()


def test_a_store_that_sends_events_for_ever_does_not_hold_a_call() -> None:
    with _store(step=0.05) as (daemon, store):
        stop = threading.Event()

        def flood() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    daemon.send(XS_WATCH_EVENT, 0, b"/%d\0t\0" % number)
                except OSError:
                    return

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                store.read("/a")
        finally:
            stop.set()
            store.close()
            daemon.socket.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        struct.pack("=4I", XS_READ, 99, 0, 0),
        struct.pack("=4I", XS_WATCH, 1, 0, 0),
        struct.pack("=4I", XS_READ, 1, 0, 4097),
        struct.pack("=4I", XS_WATCH_EVENT, 0, 0, 2) + b"a\0",
        struct.pack("=4I", XS_READ, 1, 0, 0) * 2,
        b"\xff" * 64,
    ],
    ids=["other request", "other type", "too long", "event without token", "two answers", "rubbish"],
)
def test_an_answer_against_the_protocol_is_eproto_and_so_is_everything_after(answer: bytes) -> None:
    with _store() as (daemon, store):
        daemon.socket.sendall(answer)
        for _ in range(2):
            with pytest.raises(OSError) as refused:
                store.read("/a")
                store.events()
            assert refused.value.errno == errno.EPROTO


def test_a_connection_that_ended_is_an_error_also_of_events() -> None:
    with _store() as (daemon, store):
        daemon.socket.close()
        assert _readable(store)
        for _ in range(2):
            with pytest.raises(OSError) as ended:
                store.events()
            assert ended.value.errno == errno.ECONNRESET


def test_a_flood_of_events_keeps_a_bounded_number_and_one_of_each_watch() -> None:
    with _store() as (daemon, store):

        def flood() -> None:
            for number in range(3000):
                daemon.send(XS_WATCH_EVENT, 0, b"/%d\0t\0" % number)
            for _ in range(2):
                daemon.send(XS_WATCH_EVENT, 0, b"/state\0u\0")
            _, request, _, _ = daemon.request()
            daemon.send(XS_READ, request, b"4")

        thread = threading.Thread(target=flood)
        thread.start()
        assert store.read("/a") == "4"
        thread.join()
        events = store.events()
        assert len(events) == len(set(events)) == 1025
        assert WatchEvent("/state", "u") in events


def test_a_watch_whose_answer_has_no_request_number_is_answered() -> None:
    with _store() as (daemon, store):
        daemon.socket.sendall(struct.pack("=4I", XS_WATCH, 0, 0, 3) + b"OK\0")
        store.watch("/a", "t")
