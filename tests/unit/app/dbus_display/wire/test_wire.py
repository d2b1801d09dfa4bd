"""Whole messages come out of a socket whatever the pieces, with their own fds; hostile bytes end a connection only."""

import array
import itertools
import os
import select
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jeepney import Message

from app.dbus_display.wire import names
from app.dbus_display.wire.messages import MOST_FDS, WireError, close_fds, method_call
from app.dbus_display.wire.wire import Wire
from tests.qemu import peer

Pair = tuple[Wire, socket.socket]


def connected() -> Pair:
    """A wire that is authenticated, and the server's end."""
    ours, theirs = socket.socketpair()
    wire = Wire(ours)
    wire.start()
    theirs.settimeout(peer.PATIENCE_S)
    for answer in (b"OK 5074ddd1a064ee05bdfac4d06b0924ff\r\n", b"AGREE_UNIX_FD\r\n"):
        theirs.recv(4096)
        theirs.sendall(answer)
        assert wire.receive() is None
    assert theirs.recv(4096) == b"BEGIN\r\n"
    assert wire.authenticated
    return wire, theirs


@pytest.fixture
def pair() -> Iterator[Pair]:
    wire, theirs = connected()
    yield wire, theirs
    wire.close()
    theirs.close()


def call(number: int, fds: list[int], pixels: bytes = b"") -> tuple[bytes, list[int]]:
    """A call whose arguments are a number, fds and bytes."""
    numbers = array.array("i")
    message = method_call(names.LISTENER_PATH, names.LISTENER, "Member", "uahay", (number, fds, pixels))
    return message.serialise(serial=number, fds=numbers), list(numbers)


def received(wire: Wire) -> list[Message]:
    """All that has come. A wire reads only so much in one call."""
    found = []
    while select.select([wire], [], [], 0)[0]:
        if (message := wire.receive()) is not None:
            found.append(message)
    return found


# For each message: its fds, its bytes, and the sizes of the pieces that come one by one, in turn.
PLANS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3000), st.lists(st.integers(1, 500), min_size=1, max_size=5)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=15)
@given(PLANS, st.booleans())
def test_messages_arrive_whole_with_their_own_fds_whatever_the_pieces(
    plans: list[tuple[int, int, list[int]]], is_read_late: bool
) -> None:
    wire, theirs = connected()
    messages: list[Message] = []
    sent = []
    pieces = 0
    for number, (count, size, sizes) in enumerate(plans, 1):
        fds = [os.memfd_create("test") for _ in range(count)]
        sent.append((number, [os.fstat(each).st_ino for each in fds]))
        rest, numbers = call(number, fds, bytes(size))
        for step in itertools.cycle(sizes):
            # The fds go with the first byte of their message, as GLib sends them.
            socket.send_fds(theirs, [rest[:step]], numbers)
            rest, numbers = rest[step:], []
            # poll() says that there is room for up to 70 pieces.
            pieces += 1
            if not is_read_late or pieces % 60 == 0:
                messages += received(wire)
            if not rest:
                break
        for each in fds:
            os.close(each)
    messages += received(wire)
    assert [(each.body[0], [os.fstat(fd.fileno()).st_ino for fd in each.body[1]]) for each in messages] == sent
    for each in messages:
        close_fds(each.body)
    wire.close()
    theirs.close()


def test_received_fds_are_not_inherited(pair: Pair) -> None:
    wire, theirs = pair
    with Path(os.devnull).open() as file:
        data, numbers = call(1, [file.fileno()])
        socket.send_fds(theirs, [data], numbers)
    (message,) = received(wire)
    assert not os.get_inheritable(message.body[1][0].fileno())
    close_fds(message.body)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=60), st.integers(0, 12)), max_size=5), st.booleans())
def test_random_bytes_and_fds_end_the_connection_at_worst(pieces: list[tuple[bytes, int]], is_framed: bool) -> None:
    wire, theirs = connected()
    with suppress(WireError), Path(os.devnull).open() as file:
        for number, (data, count) in enumerate(pieces, 1):
            head = call(number, [])[0][:16] if is_framed else b""
            socket.send_fds(theirs, [head + data], [file.fileno()] * count)
            for message in received(wire):
                close_fds(message.body)
    wire.close()
    theirs.close()


@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1, max_size=4))
def test_random_answers_to_the_authentication_are_refused(lines: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    wire = Wire(ours)
    wire.start()
    with pytest.raises(WireError):
        for each in lines:
            theirs.sendall(each)
            assert wire.receive() is None
        theirs.close()
        wire.receive()
    wire.close()
    theirs.close()


def test_more_fds_than_a_message_may_have_end_the_connection(pair: Pair) -> None:
    wire, theirs = pair
    with Path(os.devnull).open() as file:
        data, numbers = call(1, [file.fileno()] * (MOST_FDS + 1))
        socket.send_fds(theirs, [data], numbers)
    with pytest.raises(WireError, match="fds"):
        wire.receive()


def test_fds_collected_over_many_pieces_end_the_connection(pair: Pair) -> None:
    wire, theirs = pair
    data, _ = call(1, [], bytes(100))
    with Path(os.devnull).open() as file, pytest.raises(WireError, match="fds"):
        for byte in data:
            socket.send_fds(theirs, [bytes([byte])], [file.fileno()])
            wire.receive()


def test_memory_grows_with_what_comes_not_with_what_is_claimed(pair: Pair) -> None:
    wire, theirs = pair
    data = bytearray(call(1, [], bytes(100))[0])
    data[4:8] = (100 << 20).to_bytes(4, "little")
    tracemalloc.start()
    try:
        theirs.sendall(data)
        assert wire.receive() is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_output_that_nobody_reads_ends_the_connection(pair: Pair) -> None:
    wire, _ = pair
    message = method_call(names.VM_PATH, names.VM, "Member", "ay", (bytes(10_000),))
    with pytest.raises(WireError, match="does not read"):
        for _ in range(1000):
            wire.send(message)


def test_queued_output_is_sent_in_order_when_there_is_room(pair: Pair) -> None:
    wire, theirs = pair
    serial = 0
    while not wire.wants_to_send:
        serial += 1
        wire.send(method_call(names.VM_PATH, names.VM, "Member", "ay", (bytes(10_000),)), serial)
    with Path(os.devnull).open() as file:
        message = method_call(names.VM_PATH, names.VM, "RegisterListener", "h", (file.fileno(),))
        wire.send(message, serial + 1)
    reader = peer.Peer(theirs)
    for number in range(1, serial + 2):
        wire.flush()
        message = reader.receive()
        assert message.header.serial == number
        if number == serial + 1:
            assert os.fstat(message.body[0].fileno()).st_rdev == Path(os.devnull).stat().st_rdev
        close_fds(message.body)


def test_end_of_the_connection_is_told(pair: Pair) -> None:
    wire, theirs = pair
    theirs.close()
    with pytest.raises(WireError, match="ended"):
        wire.receive()
    with pytest.raises(WireError):
        wire.send(method_call(names.VM_PATH, names.VM, "Member"))
    wire.close()
    with pytest.raises(WireError, match="closed"):
        wire.receive()
