"""The driver of a guest's display on the thread that it is called by."""

from app.planes.status import Reason
from app.xen.access.seam import WatchEvent
from app.xen.display.display_driver import DisplayDriver
from app.xen.display.own_dmabuf import new_udmabuf
from tests.xen.machine import fake_xen


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
