"""The driver of a guest's display on the thread that it is called by."""

import errno

import pytest

from app.planes.status import Reason, State
from app.xen.access.seam import WatchEvent
from app.xen.display.display_driver import DETACHED_OR_ENDED_NS, LEAVING_NS, DisplayDriver
from app.xen.display.own_dmabuf import new_udmabuf
from tests.xen.display_front import Screen, create_body
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import CLOSED, CONNECTED, INITIALISING, DisplayConfig
from tests.xen.pages import new_memory
from tests.xen.request_front import DBUF_CREATE
from tests.xen.serving import served, wait_frame


def test_an_event_that_comes_after_the_detachment_does_not_keep_the_thread_busy() -> None:
    now_ns = 1_000_000_000
    with fake_xen() as xen:
        guest = xen.create()
        host = xen.open_host()
        driver = DisplayDriver(guest.domid, 0, new_udmabuf, lambda: now_ns)
        driver.start(host)
        connector = driver.connector(0)
        driver.due(now_ns)
        xen.detach_display(guest)
        events = host.store.events()
        assert events
        driver.store_event(events[0])
        driver.due(now_ns)
        assert connector.frame()[0].status.reason is Reason.DISPLAY_CLOSED
        driver.due(now_ns)
        driver.store_event(WatchEvent(events[0].path, events[0].token))
        driver.due(now_ns)
        next_ns = driver.due_ns()
        assert next_ns is not None and next_ns > now_ns
        driver.close()
        host.close()


class _Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def _driver(xen: FakeXen, clock: _Clock) -> DisplayDriver:
    driver = DisplayDriver(xen.guests[0].domid, 0, new_memory, clock)
    driver.start(xen.open_host())
    driver.due(clock.ns)
    assert xen.guests[0].display.state == CONNECTED
    return driver


def test_a_detached_display_waits_for_the_end_of_the_domain_before_it_is_gone() -> None:
    with fake_xen() as xen:
        guest, clock = xen.create(), _Clock()
        driver = _driver(xen, clock)
        connector = driver.connector(0)
        token = f"vdispl/{guest.domid}/0"
        xen.detach_display(guest)
        late = WatchEvent(guest.display.backend, token)
        driver.store_event(late)
        driver.due(clock.ns)
        assert connector.frame()[0].status.reason is Reason.DISPLAY_CLOSED
        assert guest.display.backend_state == CLOSED
        while clock.ns < DETACHED_OR_ENDED_NS:
            assert connector.ended() is None
            driver.store_event(late)
            due_ns = driver.due_ns()
            assert due_ns is not None and due_ns >= clock.ns
            clock.ns = max(due_ns, clock.ns + 1)
            driver.due(clock.ns)
        driver.due(clock.ns + 10**9)
        end = connector.ended()
        assert end is not None and (end.reason, end.state) == (Reason.DEVICE_REMOVED, State.GONE)
        driver.store_event(late)
        assert driver.due_ns() is None and driver.ended
        assert driver.connector(5).ended() == end
        driver.close()


def test_a_guest_whose_destruction_takes_long_ends_and_is_not_detached() -> None:
    """Xl waits 10 s for a keyboard that nobody serves."""
    with fake_xen() as xen:
        guest, clock = xen.create(), _Clock()
        driver = _driver(xen, clock)
        connector = driver.connector(0)
        xen.begin_destroy(guest)
        driver.store_event(WatchEvent(guest.display.backend, f"vdispl/{guest.domid}/0"))
        driver.due(clock.ns)
        while clock.ns < 3 * DETACHED_OR_ENDED_NS:
            assert connector.ended() is None
            clock.ns = driver.due_ns() or 0
            driver.due(clock.ns)
        xen.destroy(guest)
        clock.ns = driver.due_ns() or 0
        driver.due(clock.ns)
        end = connector.ended()
        assert end is not None and end.reason is Reason.VM_ENDED
        driver.close()


def test_a_guest_with_a_broken_driver_is_gone_when_its_domain_ends() -> None:
    with fake_xen() as xen:
        guest, clock = xen.create(), _Clock()
        driver = _driver(xen, clock)
        connector = driver.connector(0)
        requests = guest.display.connectors[0].requests
        requests.set_producer(1000)
        for port in tuple(driver.ports()):
            driver.handle(port)
        assert connector.frame()[0].status.reason is Reason.DEVICE_FAULT
        assert not driver.ports() and guest.display.backend_state == CLOSED
        clock.ns = driver.due_ns() or 0
        driver.due(clock.ns)
        assert connector.ended() is None
        xen.destroy(guest)
        clock.ns = driver.due_ns() or 0
        driver.due(clock.ns)
        end = connector.ended()
        assert end is not None and end.reason is Reason.VM_ENDED
        driver.close()


def test_slow_requests_of_a_guest_do_not_keep_the_thread() -> None:
    with fake_xen() as xen:
        guest, clock = xen.create(displays=[DisplayConfig(be_alloc=True)]), _Clock()
        made: list[int] = []

        def slow(size: int) -> int:
            clock.ns += 1_000_000_000
            made.append(size)
            raise OSError(errno.ENOMEM, "no memory")

        driver = DisplayDriver(guest.domid, 0, slow, clock)
        driver.start(xen.open_host())
        driver.due(clock.ns)
        requests = guest.display.connectors[0].requests
        for number in range(20):
            requests.put(DBUF_CREATE, create_body(number, (64, 64, 32), 64 * 64 * 4, 1, 1))
        for turn in range(1, 21):
            (port,) = driver.ports()
            driver.handle(port) if turn == 1 else driver.due(clock.ns)
            assert len(made) == turn
            due_ns = driver.due_ns()
            assert turn == 20 or (due_ns is not None and due_ns <= clock.ns)
        assert [requests.take().status for _ in range(20)] == [-errno.ENOMEM] * 20
        driver.close()


def test_a_close_answers_the_last_request() -> None:
    """Otherwise a program of the guest would wait for 3 s."""
    with fake_xen() as xen:
        guest, clock = xen.create(), _Clock()
        driver = _driver(xen, clock)
        requests = guest.display.connectors[0].requests
        requests.put(DBUF_CREATE, create_body(1, (64, 64, 32), 1, 1, 0))
        driver.close()
        assert requests.take().status < 0
        assert guest.display.backend_state == CLOSED


def test_a_close_waits_for_the_guest_only_so_long() -> None:
    with fake_xen() as xen:
        guest, clock, slept = xen.create(), _Clock(), [0.0]
        driver = DisplayDriver(guest.domid, 0, new_memory, clock, slept.append)
        driver.start(xen.open_host())
        driver.due(clock.ns)
        guest.display.backend_changed = lambda state: None  # type: ignore[method-assign]
        driver.close()
        assert guest.display.state == CONNECTED
        assert sum(slept) == pytest.approx(LEAVING_NS / 1e9)


def test_a_close_tells_the_end_of_an_open_flip() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest):
            guest.display.wait_connected()
            screen = Screen(guest.display, 64, 48)
            screen.show(bytes(64 * 48 * 4))
            flip = screen.show(bytes(64 * 48 * 4))
        events = guest.display.connectors[0].events
        events.consume()
        assert len(events.done) == flip


def test_a_close_does_not_wait_for_slow_requests() -> None:
    with fake_xen() as xen:
        guest, clock = xen.create(displays=[DisplayConfig(be_alloc=True)]), _Clock()
        made: list[int] = []

        def slow(size: int) -> int:
            clock.ns += LEAVING_NS // 2
            made.append(size)
            raise OSError(errno.ENOMEM, "no memory")

        driver = DisplayDriver(guest.domid, 0, slow, clock)
        driver.start(xen.open_host())
        driver.due(clock.ns)
        guest.display.backend_changed = lambda state: None  # type: ignore[method-assign]
        for number in range(20):
            body = create_body(number, (64, 64, 32), 64 * 64 * 4, 1, 1)
            guest.display.connectors[0].requests.put(DBUF_CREATE, body)
        driver.close()
        assert len(made) == 2


def test_a_broken_ring_ends_the_other_connector_too() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig((("id0", 64, 48), ("id1", 64, 48)))])
        driver = _driver(xen, _Clock())
        for each in guest.display.connectors:
            each.requests.set_producer(1000)
        ports = tuple(driver.ports())
        assert len(ports) == 2
        driver.close()
        assert not driver.ports() and guest.display.backend_state == CLOSED


@pytest.mark.parametrize("reacts", [True, False])
@pytest.mark.parametrize("detached", [True, False])
def test_a_guest_lets_memory_of_ours_go_before_it_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, *, reacts: bool, detached: bool
) -> None:
    """Else its programs would draw into what the kernel uses it for next. A guest that holds it is not waited for."""
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig(be_alloc=True)])
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, 64, 48).show(bytes(64 * 48 * 4))
            wait_frame(source, Reason.OK)
            grants = xen.hosts[0].fake_grants
            revoke, states = grants.revoke_dmabuf, []

            def revoked(fd: int) -> None:
                states.append((guest.display.backend_state, guest.display.state))
                revoke(fd)

            monkeypatch.setattr(grants, "revoke_dmabuf", revoked)
            if not reacts:
                guest.display.die()
            if detached:
                xen.detach_display(guest)
                wait_frame(source, Reason.DISPLAY_CLOSED)
        assert states == [(CLOSED, INITIALISING if reacts else CONNECTED)] * 2
