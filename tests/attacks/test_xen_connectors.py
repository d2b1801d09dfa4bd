"""A guest that attacks with several connectors at once, or with what it says of a connector."""

import itertools
import struct
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.planes.status import Reason
from app.xen.access.seam import XenHost
from app.xen.display.display_driver import DisplayDriver
from tests.attacks.limits import time_limit
from tests.xen.display_front import RefusedRequest, fill_directory
from tests.xen.machine import fake_xen
from tests.xen.nodes import DisplayConfig
from tests.xen.pages import PAGE, new_memory
from tests.xen.request_front import SLOTS
from tests.xen.serving import served

_TWO = DisplayConfig((("id0", 64, 48), ("id1", 64, 48)))
_GET_EDID = 0x16
_LIMIT_S = 60


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    with time_limit(_LIMIT_S):
        yield


@pytest.mark.parametrize("resolution", ["", "x", "0x0", "64x0", "0x48", "-1x-1", "99999x99999", "64x48x1", "٦٤x٤٨"])
def test_a_connector_without_a_size_has_no_edid_and_is_served(resolution: str) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        xen.tree.write(f"{guest.display.path}/0/resolution", resolution)
        with served(xen, guest) as source:
            guest.display.wait_connected()
            directory = guest.domain.share(PAGE)
            fill_directory(directory, guest.domain.share(PAGE).refs)
            with pytest.raises(RefusedRequest):
                guest.display.ask(_GET_EDID, struct.pack("<II", 256, directory.refs[0]))
            assert source.ended() is None


def test_a_connector_that_breaks_its_ring_while_others_wait_closes_the_display_in_words() -> None:
    # Each request takes longer than a window: the others of a connector wait for the next.
    clock = itertools.count(1, 20_000_000)
    with fake_xen(wire=False) as xen, closing(xen.open_host()) as host:
        guest = xen.create(displays=[_TWO])
        driver = DisplayDriver(guest.domid, 0, new_memory, lambda: next(clock))
        driver.start(host)
        _turn(driver, host, next(clock))
        guest.display.wait_connected()
        for each in guest.display.connectors:
            each.requests.put_raw(b"", notify=False)
            each.requests.put_raw(b"", notify=False)
        for port in tuple(driver.ports()):
            driver.handle(port)
        for each in guest.display.connectors:
            each.requests.set_producer(SLOTS * 3)
        _turn(driver, host, next(clock))
        frame, _ = driver.connector(1).frame()
        assert (frame.status.reason, frame.status.detail) == (
            Reason.DEVICE_FAULT,
            "the guest's display driver: request index outside the ring",
        )
        assert not driver.ended
        driver.close()


def _turn(driver: DisplayDriver, host: XenHost, now_ns: int) -> None:
    for event in host.store.events():
        driver.store_event(event)
    driver.due(now_ns)
