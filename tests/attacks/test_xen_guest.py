"""A guest whose PV drivers do what they like: each attack costs a bounded amount and is answered with an error."""

import random
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.planes.status import Reason, State
from tests.attacks.limits import time_limit
from tests.xen.display_front import XR24, DisplayFront, RefusedRequest, Screen, create_body, fill_directory
from tests.xen.guest import FakeGuest
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import INITIALISED, INITIALISING, DisplayConfig
from tests.xen.pages import PAGE, pages_of
from tests.xen.request_front import (
    DBUF_CREATE,
    DBUF_DESTROY,
    FB_ATTACH,
    FB_DETACH,
    PG_FLIP,
    SET_CONFIG,
    SLOTS,
)
from tests.xen.serving import pixels, served, wait_frame, wait_pixels

_SIZE = (64, 48)
_BYTES = 64 * 48 * 4
_LIMIT_S = 60
_MOST_BUFFERS = 64
_MOST_BYTES = 512 << 20
_COOKIE = 0x1000
_HOSTILE_NUMBERS = ("-1", "", " 8", "8 ", "1e3", "0x8", "٣", "99999999999999999999", "4294967296", "8\0", "9" * 4000)


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    with time_limit(_LIMIT_S):
        yield


@contextmanager
def _connected(*, be_alloc: bool = False) -> Iterator[tuple[FakeXen, FakeGuest]]:
    """A guest whose display is served. At the end it still works, and then nothing of it is left."""
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig(be_alloc=be_alloc)])
        with served(xen, guest) as source:
            guest.display.wait_connected()
            yield xen, guest
            guest.display.wait_connected()
            picture = random.Random(1).randbytes(_BYTES)
            screen = Screen(guest.display, *_SIZE)
            screen.show(bytes(_BYTES))
            screen.show(picture)
            wait_pixels(source, picture)


def _directory(display: DisplayFront, pages: int = 1, *refs: int) -> int:
    """The first reference of a new directory that lists these references."""
    memory = display.domain.share(pages * PAGE)
    fill_directory(memory, refs)
    return memory.refs[0]


def _create(display: DisplayFront, **changed: int) -> bytes:
    """The body of a request for a buffer that can be made, with changes."""
    values = {"width": 64, "height": 48, "bpp": 32, "size": _BYTES, "flags": 0, "offset": 0, "cookie": _COOKIE}
    values |= changed
    if "directory" not in values:
        values["directory"] = _directory(display, 1, *display.domain.share(_BYTES).refs)
    shape = values["width"], values["height"], values["bpp"]
    return create_body(values["cookie"], shape, values["size"], values["flags"], values["directory"], values["offset"])


_BAD_CREATES: dict[str, Callable[[DisplayFront], bytes]] = {
    "wide": lambda display: _create(display, width=16385, height=1, size=16385 * 4),
    "high": lambda display: _create(display, width=1, height=2**32 - 1),
    "all bits": lambda display: _create(display, width=2**32 - 1, height=2**32 - 1, bpp=2**32 - 1, size=2**32 - 1),
    "empty": lambda display: _create(display, size=0),
    "too small": lambda display: _create(display, size=_BYTES - 4),
    "huge": lambda display: _create(display, size=2**32 - 1),
    "above the limit": lambda display: _create(display, width=0, height=0, bpp=0, size=_MOST_BYTES + PAGE),
    "no directory": lambda display: _create(display, directory=0),
    "a directory that is not granted": lambda display: _create(display, directory=2**32 - 1),
    "references that are not granted": lambda display: _create(display, directory=_directory(display, 1, 5, 6, 7)),
    "references of zero": lambda display: _create(display, directory=_directory(display)),
    "a directory that ends": lambda display: _create(
        display, width=0, height=0, bpp=0, size=1024 * PAGE, directory=_directory(display, 1, *range(8, 1031))
    ),
    "a directory in a circle": lambda display: _create(
        display, width=0, height=0, bpp=0, size=300 << 20, directory=_circle(display)
    ),
    "pixels far behind": lambda display: _create(display, offset=2**32 - 4),
}


def _circle(display: DisplayFront) -> int:
    memory = display.domain.share(PAGE)
    page = display.domain.share(PAGE).refs[0]
    struct.pack_into("<1024I", memory.data, 0, memory.refs[0], *[page] * 1023)
    return memory.refs[0]


@pytest.mark.parametrize("bad", _BAD_CREATES)
def test_a_buffer_that_cannot_be_is_refused(bad: str) -> None:
    with _connected() as (xen, guest):
        before = xen.hosts[0].fake_grants.mapped_pages
        with pytest.raises(RefusedRequest):
            guest.display.ask(DBUF_CREATE, _BAD_CREATES[bad](guest.display))
        assert xen.hosts[0].fake_grants.mapped_pages == before
        with pytest.raises(RefusedRequest):
            guest.display.ask(FB_ATTACH, struct.pack("<QQIII", _COOKIE, 1, *_SIZE, XR24))


def test_what_a_guest_never_made_is_refused() -> None:
    with _connected() as (_, guest):
        display = guest.display
        buffer = display.create(*_SIZE)
        fb = display.attach(buffer)
        refused = [
            (DBUF_CREATE, _create(display, cookie=buffer.cookie)),
            (DBUF_DESTROY, struct.pack("<Q", 7)),
            (FB_ATTACH, struct.pack("<QQIII", 7, 8, *_SIZE, XR24)),
            (FB_ATTACH, struct.pack("<QQIII", buffer.cookie, fb, *_SIZE, XR24)),
            (FB_ATTACH, struct.pack("<QQIII", buffer.cookie, 8, 64, 49, XR24)),
            (FB_ATTACH, struct.pack("<QQIII", buffer.cookie, 8, 2**32 - 1, 2**32 - 1, XR24)),
            (FB_ATTACH, struct.pack("<QQIII", buffer.cookie, 8, 0, 0, XR24)),
            (FB_ATTACH, struct.pack("<QQIII", buffer.cookie, 8, *_SIZE, 0)),
            (FB_ATTACH, struct.pack("<QQIII", buffer.cookie, 8, *_SIZE, 2**32 - 1)),
            (FB_DETACH, struct.pack("<Q", 7)),
            (SET_CONFIG, struct.pack("<QIIIII", 7, 0, 0, *_SIZE, 32)),
            (PG_FLIP, struct.pack("<Q", 7)),
            (0, b""),
            (0xFF, b"\xff" * 56),
        ]
        for operation, body in refused:
            with pytest.raises(RefusedRequest):
                display.ask(operation, body)


def test_buffers_are_counted_and_their_bytes_too() -> None:
    with _connected() as (_, guest):
        display = guest.display
        for _ in range(_MOST_BUFFERS):
            display.create(1, 1)
        with pytest.raises(RefusedRequest):
            display.create(1, 1)
        for each in list(display.buffers):
            display.destroy(each)
        quarter = _MOST_BYTES // 4
        for _ in range(4):
            display.create(0, 0, 0, size=quarter, imported=True)
        with pytest.raises(RefusedRequest):
            display.create(1, 1)
        for each in list(display.buffers):
            display.destroy(each)


def test_framebuffers_are_counted() -> None:
    with _connected() as (_, guest):
        buffer = guest.display.create(*_SIZE)
        fbs = []
        with pytest.raises(RefusedRequest):
            for _ in range(10_000):
                fbs.append(guest.display.attach(buffer))
        for fb in fbs:
            guest.display.detach(fb)
        guest.display.destroy(buffer)


def test_a_guest_that_makes_us_allocate_is_limited() -> None:
    with _connected(be_alloc=True) as (xen, guest):
        display = guest.display
        for _ in range(_MOST_BUFFERS):
            display.create(1, 1)
        with pytest.raises(RefusedRequest):
            display.create(1, 1)
        assert xen.hosts[0].fake_grants.granted_buffers == _MOST_BUFFERS
        for each in list(display.buffers):
            display.destroy(each)
        for size in (0, _MOST_BYTES + PAGE, 2**32 - 1):
            body = create_body(_COOKIE, (0, 0, 0), size, 1, _directory(display, pages_of(size) // 1023 + 1))
            with pytest.raises(RefusedRequest):
                display.ask(DBUF_CREATE, body)
        assert xen.hosts[0].fake_grants.granted_buffers == 0


@pytest.mark.parametrize("writes_it_itself", [False, True])
def test_a_guest_cannot_choose_to_get_memory_of_this_host(*, writes_it_itself: bool) -> None:
    """Pages that it keeps mapped are used for other things of this host once the buffer is gone."""
    with fake_xen() as xen:
        guest = xen.create(kind="pvh")
        if writes_it_itself:
            path = f"{guest.display.path}/be-alloc"
            xen.tree.write(path, "1")
            xen.tree.owners[path] = guest.domid
        with served(xen, guest):
            guest.display.wait_connected()
            body = create_body(_COOKIE, (0, 0, 0), PAGE, 1, _directory(guest.display, 1))
            with pytest.raises(RefusedRequest):
                guest.display.ask(DBUF_CREATE, body)
            assert xen.hosts[0].fake_grants.granted_buffers == 0


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """A thread that never waits holds Python's lock for 5 ms otherwise, and each answer takes two switches."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 50)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_slots_and_directories_that_change_while_they_are_read() -> None:
    rng = random.Random(2)
    with _connected() as (_, guest):
        display, requests = guest.display, guest.display.connectors[0].requests
        directory = display.domain.share(PAGE)
        refs = display.domain.share(_BYTES).refs
        stop = threading.Event()

        def change() -> None:
            while not stop.is_set():
                at = 64 + rng.randrange(SLOTS) * 64 + rng.randrange(2, 64)
                requests.channel.page[at] = rng.randrange(256)
                fill_directory(directory, [rng.choice([*refs, 0, 2**32 - 1]) for _ in refs])

        changer = threading.Thread(target=change)
        changer.start()
        try:
            for _ in range(2000):
                with suppress(RefusedRequest, AssertionError):
                    display.ask(DBUF_CREATE, _create(display, directory=directory.refs[0]))
                with suppress(RefusedRequest, AssertionError):
                    display.ask(DBUF_DESTROY, struct.pack("<Q", _COOKIE))
        finally:
            stop.set()
            changer.join()


def test_a_flood_is_answered() -> None:
    with _connected() as (_, guest):
        display = guest.display
        fb = display.attach(display.create(*_SIZE))
        display.configure(fb, *_SIZE)
        requests = display.connectors[0].requests
        for _ in range(300):
            for _ in range(SLOTS):
                requests.put(PG_FLIP, struct.pack("<Q", fb))
            for _ in range(SLOTS):
                assert requests.take().status == 0


def test_a_guest_that_never_stops_asking_does_not_hold_the_viewer_up() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        stop = threading.Event()

        def ask() -> None:
            requests = guest.display.connectors[0].requests
            while not stop.is_set():
                requests.put_raw(rng.randbytes(64), notify=requests.unanswered == 0)
                while requests.unanswered >= SLOTS - 1 and not stop.is_set():
                    requests.channel.notify()

        rng, asking = random.Random(5), threading.Thread(target=ask)
        with served(xen, guest) as source:
            guest.display.wait_connected()
            asking.start()
            try:
                for _ in range(1000):
                    source.latest()
                source.close()
            finally:
                stop.set()
                asking.join()


@pytest.mark.parametrize("ahead", [SLOTS + 1, 2**31, 2**32 - 1])
def test_a_producer_that_is_ahead_of_the_ring_ends_the_display(ahead: int) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(bytes(_BYTES))
            wait_frame(source, Reason.OK)
            requests = guest.display.connectors[0].requests
            requests.set_producer(requests.answered + ahead)
            requests.channel.notify()
            guest.display.wait_backend_state(5, 6)
            assert source.latest().status.state is not State.SHOWING


def test_a_guest_that_writes_into_the_event_page_disturbs_itself_only() -> None:
    rng = random.Random(3)
    with _connected() as (_, guest):
        screen = Screen(guest.display, *_SIZE)
        page = guest.display.connectors[0].events.channel.page
        for _ in range(200):
            page[:] = rng.randbytes(PAGE)
            screen.show(rng.randbytes(_BYTES))
        # The ids of its events no longer fit: it connects again.
        guest.display.close()
        guest.display.switch(INITIALISING)


@pytest.mark.parametrize("number", _HOSTILE_NUMBERS)
@pytest.mark.parametrize("node", ["0/req-ring-ref", "0/evt-event-channel"])
def test_a_node_that_is_no_number_is_refused_and_the_next_connection_works(node: str, number: str) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        publish = guest.display.switch

        def replace(state: int) -> None:
            if state == INITIALISED:
                xen.tree.write(f"{guest.display.path}/{node}", number)
            publish(state)

        guest.display.switch = replace  # type: ignore[method-assign]
        with served(xen, guest) as source:
            guest.display.wait_state(INITIALISED)
            guest.display.switch = publish  # type: ignore[method-assign]
            assert source.latest().status.state is not State.SHOWING
            guest.display.switch(INITIALISING)
            guest.display.wait_connected()
            screen = Screen(guest.display, *_SIZE)
            screen.show(b"\x40" * _BYTES)
            assert pixels(wait_frame(source, Reason.OK)) == b"\x40" * _BYTES


def test_states_in_any_order_leave_nothing() -> None:
    rng = random.Random(4)
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            for _ in range(300):
                xen.tree.write(f"{guest.display.path}/state", rng.choice(["0", "1", "2", "3", "4", "5", "6", "7", "x"]))
                source.latest()


def test_a_guest_that_does_nothing_holds_nobody_up() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        guest.display.die()
        with served(xen, guest) as source:
            assert source.latest().status.state is State.WAITING


@pytest.mark.parametrize("be_alloc", [False, True])
def test_pictures_that_no_viewer_takes_do_not_pile_up(*, be_alloc: bool) -> None:
    with _connected(be_alloc=be_alloc) as (xen, guest):
        display, grants = guest.display, xen.hosts[0].fake_grants
        held = []
        for _ in range(50):
            buffer = display.create(*_SIZE)
            fb = display.attach(buffer)
            display.configure(fb, *_SIZE)
            display.flip(fb)
            display.detach(fb)
            display.destroy(buffer)
            held.append(grants.mapped_pages + grants.granted_buffers)
        assert held[-1] <= held[4]
