"""The states of a device against front ends of a fake guest."""

import errno
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.xen.access.seam import Store
from app.xen.backend.claim import CLAIM_NODE
from app.xen.backend.connection import CLOSING_NS, LOOKS, LOOKS_NS, Connection, Ended, Step
from app.xen.backend.device import VDISPL, VKBD, Device
from app.xen.backend.guest_error import GuestError
from tests.xen.direct_store import DirectStore
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import CLOSED, CLOSING, CONNECTED, INIT_WAIT, INITIALISED, INITIALISING, RECONFIGURING
from tests.xen.store_server import WATCH

MINE = "1 1"


class _Backend:
    """A backend of one device, with a driver that maps nothing."""

    def __init__(self, xen: FakeXen, device: Device, claim: str = MINE, living: tuple[str, ...] = ()) -> None:
        self.xen = xen
        self.store: Store = DirectStore(xen.tree)
        self.now = 0
        self.connection = Connection(
            self.store,
            device,
            [("versions", "1")],
            claim=lambda: claim,
            is_claimed=lambda text: text in living,
            now_ns=lambda: self.now,
        )
        self.device = device
        self.steps: list[Step] = []

    def run(self) -> list[Step]:
        """Look as long as events come; the steps that were to be done since the last call."""
        self.steps = []
        for _ in range(50):
            if not any(self.connection.concerns(event) for event in self.store.events()):
                break
            self.look()
        else:
            raise AssertionError("the states go in a circle")
        return self.steps

    def look(self) -> Step:
        step = self.connection.look()
        if step is not Step.WAIT:
            self.steps.append(step)
        if step is Step.CONNECT:
            self.connection.connected()
        elif step is Step.DISCONNECT:
            self.connection.disconnected()
        return step

    @property
    def state(self) -> int:
        return int(self.xen.tree.get(f"{self.device.backend}/state", "0"))

    def claimed_by(self) -> str:
        return self.xen.tree.get(f"{self.device.backend}/mdevview", "")

    def set_front(self, state: int) -> None:
        self.xen.tree.write(f"{self.device.frontend}/state", str(state))

    def close(self) -> None:
        self.connection.close()
        self.store.close()


@contextmanager
def _display(living: tuple[str, ...] = ()) -> Iterator[_Backend]:
    with fake_xen() as xen:
        guest = xen.create()
        backend = _Backend(xen, Device(VDISPL, guest.domid, 0), living=living)
        try:
            yield backend
        finally:
            backend.close()


@contextmanager
def _keyboard() -> Iterator[_Backend]:
    with fake_xen() as xen:
        guest = xen.create(displays=(), keyboard=True)
        backend = _Backend(xen, Device(VKBD, guest.domid, 0))
        try:
            yield backend
        finally:
            backend.close()


def test_a_display_connects_once_and_is_closed_for_the_next_backend() -> None:
    with _display() as backend:
        front = backend.xen.guests[0].displays[0]
        backend.connection.open()
        assert backend.run() == [Step.CONNECT]
        assert (backend.state, front.state, front.connections) == (CONNECTED, CONNECTED, 1)
        assert backend.xen.tree.get(f"{backend.device.backend}/versions", "") == "1"
        assert backend.claimed_by() == MINE
        backend.connection.close()
        assert (backend.state, front.state, backend.claimed_by()) == (CLOSED, INITIALISING, "")
        second = _Backend(backend.xen, backend.device)
        second.connection.open()
        assert second.run() == [Step.CONNECT]
        assert front.connections == 2
        second.close()


def test_a_device_that_cannot_be_watched_is_given_back() -> None:
    with fake_xen() as xen:
        device = Device(VDISPL, xen.create().domid, 0)
        with closing(xen.open_store()) as store:
            xen.servers[-1].errors[WATCH, f"{device.frontend}/state"] = errno.ENOSPC
            with pytest.raises(OSError):
                Connection(store, device, []).open()
            assert not xen.tree.exists(f"{device.backend}/{CLAIM_NODE}")
            assert xen.tree.get(f"{device.backend}/state") == str(CLOSED)


def test_a_display_whose_backend_was_killed_connects_again() -> None:
    with _display() as backend:
        front = backend.xen.guests[0].displays[0]
        backend.connection.open()
        backend.run()
        backend.store.close()
        second = _Backend(backend.xen, backend.device, claim="2 2")
        second.connection.open()
        assert second.run() == [Step.CONNECT]
        assert (front.state, front.connections, second.claimed_by()) == (CONNECTED, 2, "2 2")
        second.close()


def test_a_card_that_programs_of_the_guest_still_hold_connects_when_they_let_go() -> None:
    with _display() as backend:
        backend.xen.guests[0].displays[0].die()
        backend.set_front(RECONFIGURING)
        backend.connection.open()
        assert backend.run() == []
        heard: list[str] = []
        front = backend.xen.tree.watch(f"{backend.device.backend}/state", "front", lambda path, _: heard.append(path))
        before = len(heard)
        backend.set_front(INITIALISING)
        assert backend.run() == []
        assert len(heard) == before + 1, "the front end acts on InitWait only when it is written"
        backend.xen.tree.unwatch(front)


def test_a_guest_that_powers_off_gets_closing_at_once_and_initwait_after_its_closed() -> None:
    with _display() as backend:
        backend.connection.open()
        backend.run()
        backend.set_front(CLOSING)
        assert backend.run() == [Step.DISCONNECT]
        assert backend.state == CLOSING
        backend.set_front(CLOSED)
        assert backend.run() == []
        assert (backend.state, backend.connection.deadline_ns) == (INIT_WAIT, None)


def test_a_driver_that_is_unloaded_gets_initwait_in_time() -> None:
    with _display() as backend:
        backend.connection.open()
        backend.run()
        backend.set_front(CLOSING)
        backend.run()
        assert backend.connection.deadline_ns == CLOSING_NS
        backend.now = CLOSING_NS - 1
        backend.look()
        assert backend.state == CLOSING
        backend.now = CLOSING_NS
        backend.look()
        assert backend.state == INIT_WAIT
        assert CLOSING_NS < 1_000_000_000, "xen_drv_remove() waits so long"


def test_a_front_end_that_leaves_is_let_go_and_connects_again() -> None:
    with _display() as backend:
        front = backend.xen.guests[0].displays[0]
        backend.connection.open()
        backend.run()
        front.close()
        assert Step.DISCONNECT in backend.run()
        front.switch(INITIALISING)
        assert backend.run() == [Step.CONNECT]
        assert front.state == CONNECTED


def test_a_keyboard_is_never_closed_and_serves_the_next_backend_too() -> None:
    with _keyboard() as backend:
        front = backend.xen.guests[0].keyboard
        assert front is not None
        backend.connection.open()
        assert backend.run() == [Step.CONNECT]
        assert (backend.state, front.state) == (CONNECTED, CONNECTED)
        backend.connection.close()
        assert (backend.state, front.state) == (INIT_WAIT, CONNECTED)
        second = _Backend(backend.xen, backend.device)
        second.connection.open()
        assert second.run() == [Step.CONNECT]
        second.close()
        assert (second.state, front.state) == (INIT_WAIT, CONNECTED)


def test_a_detached_device_is_told_to_the_toolstack_as_closed() -> None:
    for opened in (_display, _keyboard):
        with opened() as backend:
            backend.connection.open()
            backend.run()
            backend.xen.tree.write_all(
                [(f"{backend.device.backend}/online", "0"), (f"{backend.device.backend}/state", str(CLOSING))]
            )
            assert backend.run()[-1] is Step.END
            assert backend.connection.ended is Ended.DETACHED
            backend.connection.close()
            assert (backend.state, backend.claimed_by()) == (CLOSED, "")


@pytest.mark.parametrize("keep_frontend", [False, True])
@pytest.mark.parametrize("keep_backend", [False, True])
def test_a_destroyed_guest_ends_the_device_and_no_node_is_made_again(keep_frontend: bool, keep_backend: bool) -> None:
    with _display() as backend:
        backend.connection.open()
        backend.run()
        guest = backend.xen.guests[0]
        backend.xen.destroy(guest, keep_frontend=keep_frontend, keep_backend=keep_backend)
        if keep_frontend:
            backend.xen.tree.remove(guest.home)
            backend.xen.tree.release_domain()
        assert Step.END in backend.run()
        assert backend.connection.ended is Ended.DOMAIN_GONE
        assert not backend.connection.domain_lives()
        backend.connection.close()
        assert backend.xen.tree.exists(backend.device.backend) is keep_backend
        assert not backend.xen.tree.exists(guest.home)


def test_a_device_that_another_process_serves_is_busy_and_stays_as_it_is() -> None:
    with _display(living=("2 2",)) as backend:
        first = _Backend(backend.xen, backend.device, claim="2 2")
        first.connection.open()
        first.run()
        with pytest.raises(OSError) as refused:
            backend.connection.open()
        assert refused.value.errno == errno.EBUSY
        backend.connection.close()
        assert (first.run(), first.state, first.claimed_by()) == ([], CONNECTED, "2 2")
        first.close()


def test_a_backend_of_another_program_that_is_connected_is_not_disturbed() -> None:
    with _display() as backend:
        backend.xen.guests[0].displays[0].die()
        backend.xen.tree.write(f"{backend.device.backend}/state", str(CONNECTED))
        backend.set_front(CONNECTED)
        with pytest.raises(OSError) as refused:
            backend.connection.open()
        assert refused.value.errno == errno.EBUSY


def test_a_device_that_another_process_takes_ends_here_and_stays_the_others() -> None:
    with _display() as backend:
        backend.connection.open()
        backend.run()
        other = _Backend(backend.xen, backend.device, claim="2 2")
        other.connection.open()
        assert backend.run()[-1] is Step.END
        assert backend.connection.ended is Ended.TAKEN_OVER
        backend.connection.close()
        assert other.claimed_by() == "2 2"
        assert other.run() == [Step.CONNECT]
        other.close()


def test_a_device_that_is_not_there_is_enoent_and_nothing_is_written() -> None:
    with fake_xen() as xen:
        backend = _Backend(xen, Device(VDISPL, 77, 0))
        with pytest.raises(FileNotFoundError):
            backend.connection.open()
        backend.close()
        assert not xen.tree.exists("/local/domain/0/backend")


def test_a_front_end_that_was_refused_is_asked_again_only_after_it_changed() -> None:
    with _display() as backend:
        backend.connection.open()
        assert backend.connection.look() is Step.CONNECT
        backend.connection.refuse()
        for _ in range(3):
            assert backend.connection.look() is Step.WAIT
        backend.set_front(INITIALISING)
        assert backend.connection.look() is Step.WAIT
        backend.set_front(INITIALISED)
        assert backend.connection.look() is Step.CONNECT


def test_numbers_of_the_front_end_that_are_missing_or_no_numbers_are_errors_of_the_guest() -> None:
    with _display() as backend:
        backend.connection.open()
        assert backend.connection.front_text("0/resolution") == "64x48"
        assert backend.connection.front_text("0/none") is None
        assert backend.connection.front_number("0/req-ring-ref") > 0
        for name in ("0/none", "0/resolution"):
            with pytest.raises(GuestError):
                backend.connection.front_number(name)


def test_a_guest_that_writes_its_state_all_the_time_is_looked_at_so_often_and_then_again() -> None:
    with _display() as backend:
        backend.xen.guests[0].displays[0].die()
        backend.connection.open()
        for _ in range(LOOKS):
            assert backend.connection.look() is Step.WAIT
        backend.set_front(INITIALISED)
        assert backend.connection.look() is Step.WAIT
        assert backend.connection.deadline_ns == LOOKS_NS
        backend.now = LOOKS_NS
        assert backend.connection.look() is Step.CONNECT
        assert backend.connection.deadline_ns is None


_FRONT_STATES = st.sampled_from(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-1", "", "٣", "4 ", "9" * 400])


@settings(max_examples=60, deadline=None)
@given(st.booleans(), st.lists(st.none() | _FRONT_STATES, max_size=25))
def test_any_states_of_a_front_end_give_connects_and_disconnects_in_turn(
    keyboard: bool, states: list[str | None]
) -> None:
    with (_keyboard if keyboard else _display)() as backend:
        for device in (*backend.xen.guests[0].displays, backend.xen.guests[0].keyboard):
            if device is not None:
                device.die()
        backend.connection.open()
        steps = backend.run()
        path = f"{backend.device.frontend}/state"
        for state in states:
            backend.now += CLOSING_NS // 2
            if state is not None:
                backend.xen.tree.write(path, state)
            elif backend.xen.tree.exists(path):
                backend.xen.tree.remove(path)
            steps += backend.run()
            if backend.connection.deadline_ns is not None:
                backend.look()
            assert backend.connection.ended is None
        assert Step.END not in steps
        assert all(step is (Step.CONNECT if n % 2 == 0 else Step.DISCONNECT) for n, step in enumerate(steps)), (
            "connected twice, or let go without a connection"
        )
        backend.connection.close()
        assert backend.state == (INIT_WAIT if keyboard else CLOSED)
