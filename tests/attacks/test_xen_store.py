"""A xenstored that is silent, dies or answers nonsense, at each of its answers."""

import logging
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.planes.status import Reason
from app.xen.access.seam import XenHost
from app.xen.access.xenstore import Xenstore
from app.xen.display.display_source import VdisplSource
from tests.attacks.limits import time_limit
from tests.xen.event_channels import FakeEventChannels
from tests.xen.front import wait_until
from tests.xen.grants import FakeGrants
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import CONNECTED, INITIALISING
from tests.xen.pages import new_memory
from tests.xen.store_server import HEADER, FakeStore

_LIMIT_S = 120
_PATIENCE_S = 0.2
_READ = 65536
_ANSWERS = (1, 2, 5, 9, 12, 15, 18, 24, 30, 40)
_Change = Callable[[bytes, random.Random], bytes | None]


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    with time_limit(_LIMIT_S):
        yield


def _with(message: bytes, at: int, value: int) -> bytes:
    head = list(HEADER.unpack_from(message))
    head[at] = value
    return HEADER.pack(*head) + message[HEADER.size :]


_CHANGES: dict[str, _Change] = {
    "silent": lambda _message, _rng: b"",
    "dead": lambda _message, _rng: None,
    "any bytes": lambda message, rng: rng.randbytes(len(message)),
    "another kind": lambda message, rng: _with(message, 0, rng.choice((0, 2, 15, 99))),
    "another request": lambda message, rng: _with(message, 1, rng.getrandbits(32)),
    "huge": lambda message, _rng: _with(message, 3, 2**32 - 1),
    "twice": lambda message, _rng: message * 2,
    "a part": lambda message, _rng: message[:-1],
}


@contextmanager
def _store(xen: FakeXen, first: int, change: _Change) -> Iterator[Xenstore]:
    """A connection whose messages are changed from number ``first`` on."""
    server, rng = FakeStore(xen.tree), random.Random(first)
    theirs = socket.socket(fileno=server.client)
    ours, client = socket.socketpair()

    def ask() -> None:
        with suppress(OSError):
            while content := ours.recv(_READ):
                theirs.sendall(content)
        _end()

    def answer() -> None:
        with suppress(OSError):
            for number, message in enumerate(_messages(theirs), 1):
                changed = message if number < first else change(message, rng)
                if changed is None:
                    break
                ours.sendall(changed)
        _end()

    def _end() -> None:
        for each in (ours, theirs):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    threads = [threading.Thread(target=each) for each in (ask, answer)]
    for each in threads:
        each.start()
    try:
        yield Xenstore(client.detach())
    finally:
        _end()
        for each in threads:
            each.join()
        ours.close()
        theirs.close()
        server.close()


def _messages(connection: socket.socket) -> Iterator[bytes]:
    left = b""
    while content := connection.recv(_READ):
        left += content
        while len(left) >= HEADER.size:
            length = HEADER.size + struct.unpack_from("=I", left, 12)[0]
            if len(left) < length:
                break
            yield left[:length]
            left = left[length:]


@pytest.mark.parametrize("change", _CHANGES)
def test_a_broken_xenstored_ends_the_display_in_one_line_and_leaves_nothing(
    change: str, caplog: pytest.LogCaptureFixture
) -> None:
    for first in _ANSWERS:
        caplog.clear()
        with fake_xen(store_patience_s=_PATIENCE_S) as xen, _store(xen, first, _CHANGES[change]) as store:
            _serve_until_the_end(xen, store)
            assert len([each for each in caplog.records if each.levelno >= logging.WARNING]) == 1, caplog.text
    caplog.clear()


def _serve_until_the_end(xen: FakeXen, store: Xenstore) -> None:
    guest = xen.create()
    grants, events = FakeGrants(xen.table), FakeEventChannels(xen.ports)
    source = VdisplSource(XenHost(grants, events, store), guest.domid, 0, 0, new_dmabuf=new_memory)

    def has_ended() -> bool:
        # A guest that connects and leaves makes xenstored say more.
        if guest.display.state == CONNECTED:
            guest.display.switch(INITIALISING)
        return source.ended() is not None

    wait_until(has_ended, lambda: str(source.latest().status))
    status = source.latest().status
    source.close()
    assert status.reason is Reason.DEVICE_FAULT
    assert "xenstored: " in status.detail
    assert (grants.mapped_pages, events.bound) == (0, 0)
