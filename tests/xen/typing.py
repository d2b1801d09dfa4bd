"""Input for a fake guest through the real backend of its keyboard."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from app.vm.monitor import ConnectionState, Monitor
from app.xen.backend.backends import take_backend
from app.xen.keyboard.input import XenInput
from app.xen.keyboard.keyboard_lookup import find_keyboard
from tests.xen.front import wait_until
from tests.xen.guest import FakeGuest
from tests.xen.machine import FakeXen


@contextmanager
def keyboard_of(xen: FakeXen, guest: FakeGuest, size: tuple[int, int] = (64, 48)) -> Iterator[Monitor]:
    """A guest's keyboard without its display."""
    with closing(xen.open_store()) as store:
        device = find_keyboard(store, guest.domid, 0)
    assert not isinstance(device, str), device
    route = XenInput(device, size, take=lambda: take_backend(guest.domid, xen.open_host()))
    monitor = route.open(lambda: None)
    try:
        yield monitor
    finally:
        monitor.close()


def wait_ready(monitor: Monitor) -> None:
    wait_until(lambda: monitor.status.state is ConnectionState.READY, lambda: str(monitor.status))
