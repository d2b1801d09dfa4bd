"""Input of a Xen guest: states, order, a guest that does not read, and keys that must not stay pressed."""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from app.host.process import start_time
from app.input.event import Absolute, Axis, Button, Event, Key, Press
from app.vm.input_route import InputRoute
from app.vm.monitor import ConnectionState, PointingDevice, Reply
from app.xen.backend.backends import take_backend
from app.xen.backend.claim import CLAIM_NODE
from app.xen.keyboard.input import XenInput, XenMonitor, xen_input
from tests.unit.refused_threads import refuse_threads
from tests.xen.front import wait_until
from tests.xen.guest import FakeGuest
from tests.xen.keyboard_front import KeyboardFront
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import CONNECTED, INIT_WAIT, INITIALISED, INITIALISING, keyboard_nodes

SIZE = (1024, 768)
A_DOWN, A_UP, LEFT_UP = ("key", 30, 1), ("key", 30, 0), ("key", 0x110, 0)


def _keyboard(guest: FakeGuest) -> KeyboardFront:
    assert guest.keyboard is not None
    return guest.keyboard


def _route(xen: FakeXen, guest: FakeGuest) -> InputRoute:
    with closing(xen.open_store()) as store:
        return xen_input(store, guest.domid, SIZE)


@contextmanager
def _opened(xen: FakeXen, guest: FakeGuest, wait: bool = True) -> Iterator[XenMonitor]:
    _, give_back = take_backend(guest.domid, xen.open_host())
    try:
        route = _route(xen, guest)
        assert isinstance(route, XenInput)
        monitor = route.open(lambda: None)
        assert isinstance(monitor, XenMonitor)
        try:
            if wait:
                _wait_ready(monitor)
            yield monitor
        finally:
            monitor.close()
    finally:
        give_back()


def _wait_ready(monitor: XenMonitor) -> None:
    wait_until(lambda: monitor.status.state is ConnectionState.READY, lambda: str(monitor.status))


def _wait_lost(monitor: XenMonitor, words: str) -> None:
    wait_until(lambda: monitor.status.state is ConnectionState.LOST, lambda: str(monitor.status))
    assert words in monitor.status.detail


def _unread(keyboard: KeyboardFront) -> int:
    in_cons, in_prod = struct.unpack_from("<II", keyboard.page.page, 0)
    return int(in_prod - in_cons)


def _position(x: int, y: int) -> list[Event]:
    return [Absolute(Axis.X, x), Absolute(Axis.Y, y)]


def test_keys_buttons_and_positions_come_in_order() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            assert monitor.status.pointing is PointingDevice.ABSOLUTE
            monitor.send([Key("a", True), Key("a", False), *_position(0x7FFF, 0), Press(Button.LEFT, True)])
            monitor.send([Press(Button.LEFT, False), Press(Button.WHEEL_UP, True), Press(Button.WHEEL_UP, False)])
            keyboard.wait_events(6)
        # The guest found no size in its configuration: it uses 800x600, not the picture's.
        assert keyboard.events == [
            A_DOWN,
            A_UP,
            ("position", 800, 0, 0),
            ("key", 0x110, 1),
            LEFT_UP,
            ("position", 800, 0, -1),
        ]


@pytest.mark.parametrize("hold", ["closed", "read"])
def test_what_is_pressed_is_released_when_the_monitor_closes(hold: str) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            monitor.send([Key("a", True), Press(Button.LEFT, True)])
            if hold == "read":
                keyboard.wait_events(2)
        assert set(keyboard.events[-2:]) == {A_UP, LEFT_UP}


def test_what_a_killed_viewer_has_pressed_is_released_by_the_next_one() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            monitor.send([Key("a", True), Key("a", False)])
            keyboard.wait_events(2)
        xen.tree.write(f"{keyboard.backend}/{CLAIM_NODE}", f"{os.getpid()} 1")
        keyboard.events.clear()
        with _opened(xen, guest) as monitor:
            monitor.send([Key("a", True)])
            wait_until(lambda: A_DOWN in keyboard.events, lambda: str(keyboard.events))
            before = keyboard.events[: keyboard.events.index(A_DOWN)]
        assert {A_UP, LEFT_UP, ("key", 29, 0), ("key", 125, 0)} <= set(before)
        assert all(each[0] == "key" and each[2] == 0 for each in before)


def test_the_guest_keeps_its_keyboard_and_the_next_viewer_uses_it() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        for _ in range(2):
            with _opened(xen, guest) as monitor:
                assert keyboard.backend_state == CONNECTED
                for _ in range(40):
                    monitor.send([Press(Button.LEFT, True), Press(Button.LEFT, False)])
                keyboard.wait_events(80)
            # Closing or Closed would end the guest's keyboard until it restarts.
            assert (keyboard.backend_state, keyboard.state) == (INIT_WAIT, CONNECTED)
            assert len(keyboard.events) == 80
            keyboard.events.clear()


def test_two_windows_share_the_keyboard_and_each_releases_its_own_keys() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as first:
            with _opened(xen, guest) as second:
                first.send([Press(Button.LEFT, True)])
                keyboard.wait_events(1)
                second.send([Key("a", True)])
                keyboard.wait_events(2)
            keyboard.wait_events(3)
            assert keyboard.events == [("key", 0x110, 1), A_DOWN, A_UP]
            assert first.status.state is ConnectionState.READY
        assert keyboard.events[3:] == [LEFT_UP]


def test_a_guest_that_starts_later_gets_the_size_of_the_picture() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        xen.tree.write_all(keyboard_nodes(guest.domid, 0, "vinput", False))
        with _opened(xen, guest, wait=False) as monitor:
            backend = f"/local/domain/0/backend/vinput/{guest.domid}/0"
            wait_until(lambda: xen.tree.get(f"{backend}/state", "") == str(INIT_WAIT), lambda: "InitWait")
            assert monitor.status.state is ConnectionState.CONNECTING
            guest.keyboard = keyboard = KeyboardFront(guest.domain, 0, "vinput")
            _wait_ready(monitor)
            assert (keyboard.size, keyboard.absolute) == (SIZE, True)
            monitor.send(_position(0x7FFF, 0x7FFF))
            keyboard.wait_events(1)
        assert keyboard.events == [("position", *SIZE, 0)]


def test_a_pointer_that_was_never_absolute_takes_motion() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True, absolute=False)
        assert _keyboard(guest).state == INITIALISED
        with _opened(xen, guest) as monitor:
            assert monitor.status.pointing is PointingDevice.RELATIVE


def test_motion_is_merged_while_the_guest_does_not_read_but_no_release_is_lost() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            monitor.send([Press(Button.LEFT, True)])
            keyboard.wait_events(1)
            keyboard.reading = False
            for at in range(5000):
                monitor.send(_position(at, at))
            for _ in range(100):
                monitor.send([Press(Button.RIGHT, True), Press(Button.RIGHT, False)])
            monitor.send([*_position(0x7FFF, 0x7FFF), Press(Button.LEFT, False)])
            keyboard.reading = True
            keyboard.consume(keyboard.page)
            wait_until(lambda: keyboard.events[-1] == LEFT_UP, lambda: str(keyboard.events[-3:]))
        keys = [each for each in keyboard.events if each[0] == "key"]
        assert len(keys) == 202
        assert keyboard.events[-2] == ("position", 800, 600, 0)


def test_a_guest_that_takes_nothing_is_lost_and_then_only_what_is_pressed_is_released() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            keyboard.reading = False
            for _ in range(30):
                monitor.send([Press(Button.LEFT, True), Press(Button.LEFT, False)])
            wait_until(lambda: _unread(keyboard) == 51, lambda: str(_unread(keyboard)))
            for _ in range(600):
                monitor.send([Press(Button.LEFT, True), Press(Button.LEFT, False)])
            _wait_lost(monitor, "too slowly")
            keyboard.reading = True
            keyboard.consume(keyboard.page)
            _wait_ready(monitor)
            monitor.send([Key("a", True), Key("a", False)])
            wait_until(lambda: keyboard.events[-1] == A_UP, lambda: str(keyboard.events[-3:]))
        down = {code for kind, code, *rest in keyboard.events if kind == "key" and rest[0]}
        last = {each[1]: each for each in keyboard.events if each[0] == "key"}
        assert {last[code][2] for code in down} == {0}


@pytest.mark.parametrize(
    ("node", "text"),
    [("page-gref", "4294967296"), ("page-gref", "99"), ("event-channel", "-1"), ("event-channel", "")],
)
def test_a_guest_with_wrong_nodes_gets_no_keys_and_can_connect_again(node: str, text: str) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        path = f"{keyboard.path}/{node}"
        right = xen.tree.get(path, "")
        xen.tree.write(path, text)
        with _opened(xen, guest, wait=False) as monitor:
            _wait_lost(monitor, "the guest's keyboard")
            monitor.send([Key("a", True)])
            xen.tree.write(path, right)
            keyboard.switch(INITIALISING)
            _wait_ready(monitor)
        assert keyboard.events == []


def test_a_keyboard_that_another_program_serves_is_left_to_it() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        other = os.getppid()
        xen.tree.write(f"{keyboard.backend}/{CLAIM_NODE}", f"{other} {start_time(other)}")
        with _opened(xen, guest, wait=False) as monitor:
            _wait_lost(monitor, "another program")
        assert keyboard.state == INITIALISED


@pytest.mark.parametrize("in_cons", [52, 1 << 31])
def test_a_guest_that_writes_a_wrong_index_loses_its_keyboard_alone(
    in_cons: int, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            keyboard.reading = False
            struct.pack_into("<I", keyboard.page.page, 0, in_cons)
            monitor.send([Key("a", True)])
            _wait_lost(monitor, "wrong in_cons")
            keyboard.wait_backend_state(INIT_WAIT)
    assert "wrong in_cons" in caplog.text
    caplog.clear()


def test_a_tap_is_answered_when_the_guest_has_read_it() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        replies: list[Reply] = []
        with _opened(xen, guest) as monitor:
            keyboard.reading = False
            monitor.tap("a", replies.append)
            monitor.tap("no-such-key", replies.append)
            assert [each.error is None for each in replies] == [False]
            wait_until(lambda: _unread(keyboard) == 2, lambda: str(_unread(keyboard)))
            keyboard.reading = True
            keyboard.consume(keyboard.page)
            wait_until(lambda: len(replies) == 2, lambda: str(replies))
            reply = replies[1]
            assert reply.sent_ns is not None
            assert reply.received_ns is not None
            assert reply.sent_ns <= reply.received_ns
            keyboard.reading = False
            monitor.tap("a", replies.append)
        assert replies[2].error == "closed"
        monitor.tap("a", replies.append)
        assert len(replies) == 4


def _destroy(xen: FakeXen, guest: FakeGuest) -> None:
    xen.destroy(guest)


def _detach(xen: FakeXen, guest: FakeGuest) -> None:
    backend = _keyboard(guest).backend
    xen.tree.write_all([(f"{backend}/online", "0"), (f"{backend}/state", "5")])


@pytest.mark.parametrize(("end", "words"), [(_destroy, "has ended"), (_detach, "detached")])
def test_the_reason_is_told_when_the_keyboard_goes(end: Callable[[FakeXen, FakeGuest], None], words: str) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        with _opened(xen, guest) as monitor:
            end(xen, guest)
            _wait_lost(monitor, words)


def test_a_guest_without_a_keyboard_for_this_program_gets_a_line_for_its_configuration() -> None:
    with fake_xen() as xen:
        by_qemu = _route(xen, xen.create(keyboard=True, backend_kind="vkbd"))
        none = _route(xen, xen.create())
        assert "served by QEMU" in by_qemu.reason
        assert "no PV keyboard" in none.reason
        assert all("vkb=['backend-type=linux" in each.reason for each in (by_qemu, none))


def test_input_to_a_guest_that_is_not_served_any_more_is_lost() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        monitor = _route(xen, guest).open(lambda: None)
        monitor.send([Key("a", True)])
        assert "display was closed" in monitor.status.why_not
        monitor.close()


def test_a_window_that_fails_takes_the_guest_from_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("this window is gone")

    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        backend, give_back = take_backend(guest.domid, xen.open_host())
        try:
            failing, other = _route(xen, guest).open(fail), _route(xen, guest).open(lambda: None)
            _detach(xen, guest)
            wait_until(lambda: other.status.state is ConnectionState.LOST, lambda: str(other.status))
            assert not backend.ended
            failing.close()
            other.close()
        finally:
            give_back()
    assert {each.message for each in caplog.records} == {"a change of the guest's keyboard was not handled"}
    caplog.clear()


def test_keys_are_released_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        keyboard = _keyboard(guest)
        with _opened(xen, guest) as monitor:
            monitor.send([Key("a", True)])
            keyboard.wait_events(1)
            with monkeypatch.context() as patch:
                refuse_threads(patch)
                monitor.close()
        assert keyboard.events[-1] == A_UP
