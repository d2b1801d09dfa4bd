"""A guest that does what it likes with the page of its keyboard holds nobody up."""

import random
import struct
from collections.abc import Iterator

import pytest

from app.input.event import Key
from app.vm.monitor import ConnectionState
from tests.attacks.limits import time_limit
from tests.xen.machine import fake_xen
from tests.xen.nodes import INIT_WAIT, INITIALISING
from tests.xen.pages import PAGE
from tests.xen.typing import keyboard_of, wait_ready

_A = [Key("a", True), Key("a", False)]
_LIMIT_S = 60


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    with time_limit(_LIMIT_S):
        yield


def test_a_guest_that_takes_no_keys_gets_no_more_than_its_page_holds() -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        assert guest.keyboard is not None
        guest.keyboard.reading = False
        with keyboard_of(xen, guest) as monitor:
            wait_ready(monitor)
            for _ in range(20_000):
                monitor.send(_A)
        in_cons, in_prod = struct.unpack_from("<II", guest.keyboard.page.page, 0)
        assert 0 < in_prod - in_cons <= 51


def test_a_guest_that_writes_into_the_page_of_its_keyboard_disturbs_itself_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rng = random.Random(1)
    for _ in range(20):
        with fake_xen() as xen:
            guest = xen.create(keyboard=True)
            assert guest.keyboard is not None
            guest.keyboard.reading = False
            with keyboard_of(xen, guest) as monitor:
                wait_ready(monitor)
                for _ in range(50):
                    guest.keyboard.page.page[:] = rng.randbytes(PAGE)
                    guest.keyboard.page.notify()
                    monitor.send(_A)
    # One line for each guest.
    assert {each.getMessage() for each in caplog.records} == {"Xen device: the keyboard's page has a wrong in_cons"}
    assert len(caplog.records) <= 20
    caplog.clear()


@pytest.mark.parametrize("number", ["", "-1", "x", "99999999999999999999", "٣", "9" * 4000])
@pytest.mark.parametrize("node", ["page-gref", "event-channel"])
def test_a_keyboard_without_a_page_is_refused(node: str, number: str) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        assert guest.keyboard is not None
        xen.tree.write(f"{guest.keyboard.path}/{node}", number)
        with keyboard_of(xen, guest) as monitor:
            monitor.send(_A)
            assert monitor.status.state is not ConnectionState.READY
        assert guest.keyboard.events == []


def test_a_guest_that_changes_its_state_all_the_time_can_connect_afterwards() -> None:
    rng = random.Random(2)
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        assert guest.keyboard is not None
        with keyboard_of(xen, guest) as monitor:
            for _ in range(1000):
                guest.keyboard.switch(rng.choice((0, 1, 2, 3, 4, 6, 7, 99)))
                monitor.send(_A)
            guest.keyboard.switch(INITIALISING)
            wait_ready(monitor)
        # The next viewer finds the keyboard as this one did.
        assert guest.keyboard.backend_state == INIT_WAIT
