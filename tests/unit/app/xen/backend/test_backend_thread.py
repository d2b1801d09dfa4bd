import threading
from collections.abc import Collection

import pytest

from app.xen.access.seam import WatchEvent, XenHost
from app.xen.backend.backend_thread import BackendThread
from app.xen.backend.backends import join_backend, take_backend
from app.xen.backend.guest_error import GuestError
from tests.xen.machine import FakeHost, fake_xen

_PATIENCE_S = 10


class _Driver:
    """Raises ``error`` in the call that is named ``failing``."""

    def __init__(self, failing: str = "", error: Exception | None = None) -> None:
        self._failing = failing
        self._error = error or RuntimeError("a mistake")
        self.calls: list[str] = []
        self.why: str | None = None
        self.started, self.closed = threading.Event(), threading.Event()

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self._failing:
            raise self._error

    def start(self, host: XenHost) -> None:
        host.store.watch("/local/domain/0/name", "driver")
        self.started.set()
        self._called("start")

    def ports(self) -> Collection[int]:
        self._called("ports")
        return ()

    def handle(self, port: int) -> None:
        self._called("handle")

    def store_event(self, event: WatchEvent) -> None:
        assert event.token == "driver"
        self._called("store_event")

    def due_ns(self) -> int | None:
        self._called("due_ns")
        return None

    def due(self, now_ns: int) -> None:
        self._called("due")

    def failed(self, why: str) -> None:
        self.why = why
        self._called("failed")

    def close(self) -> None:
        self.closed.set()
        self._called("close")


@pytest.mark.parametrize("failing", ["start", "store_event", "due", "due_ns"])
@pytest.mark.parametrize("error", [RuntimeError("a mistake"), OSError(5, "x"), GuestError("a lie"), KeyError("x")])
def test_any_error_ends_its_device_alone_with_one_log_line(
    failing: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_xen() as xen:
        thread = BackendThread(xen.open_host())
        other, driver = _Driver(), _Driver(failing, error)
        thread.add(other)
        thread.add(driver)
        assert driver.closed.wait(_PATIENCE_S)
        assert driver.why and other.why is None and not other.closed.is_set()
        assert not thread.ended
        thread.close()
        assert other.closed.is_set() and other.why is None
        assert driver.calls.count("close") == other.calls.count("close") == 1
        assert len(caplog.records) == 1
        caplog.clear()


def test_a_lost_xenstore_ends_every_device(caplog: pytest.LogCaptureFixture) -> None:
    with fake_xen() as xen:
        host = xen.open_host()
        thread = BackendThread(host)
        driver = _Driver()
        thread.add(driver)
        assert driver.started.wait(_PATIENCE_S)
        host.store.close()
        thread.wake()
        assert driver.closed.wait(_PATIENCE_S)
        assert driver.why
        late = _Driver()
        thread.close()
        thread.add(late)
        assert late.why
        assert thread.ended
        caplog.clear()


def test_a_driver_that_cannot_hear_of_its_end_keeps_it_from_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """What it tells may be a window that is gone."""
    with fake_xen() as xen:
        host = xen.open_host()
        thread = BackendThread(host)
        drivers = [_Driver("failed"), _Driver()]
        for each in drivers:
            thread.add(each, wait=True)
        host.store.close()
        thread.wake()
        for each in drivers:
            assert each.closed.wait(_PATIENCE_S)
            assert each.why
        thread.close()
        caplog.clear()


def test_a_driver_that_is_added_while_xenstore_is_lost_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with fake_xen() as xen:
        host = xen.open_host()
        thread, late = BackendThread(host), _Driver()

        class Adding(_Driver):
            def failed(self, why: str) -> None:
                super().failed(why)
                thread.add(late)

        first = Adding()
        thread.add(first, wait=True)
        host.store.close()
        thread.wake()
        assert first.closed.wait(_PATIENCE_S)
        thread.close()
        assert late.why
        caplog.clear()


def test_an_error_in_closing_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    with fake_xen() as xen:
        thread = BackendThread(xen.open_host())
        driver = _Driver("close")
        thread.add(driver)
        thread.remove(driver)
        assert driver.closed.is_set()
        thread.remove(driver)
        thread.close()
        thread.close()
        caplog.clear()


def test_one_thread_serves_a_guest_and_gives_the_host_back_after_its_last_user() -> None:
    with fake_xen() as xen:
        returned: list[FakeHost] = []
        hosts = [xen.open_host() for _ in range(2)]
        assert join_backend(7) is None
        first, release_first = take_backend(7, hosts[0], lambda: returned.append(hosts[0]))
        second, release_second = take_backend(7, hosts[1], lambda: returned.append(hosts[1]))
        assert first is second and returned == [hosts[1]]
        joined = join_backend(7)
        assert joined is not None and joined[0] is first
        for release in (release_first, release_first, release_second):
            release()
        assert returned == [hosts[1]]
        joined[1]()
        assert returned == [hosts[1], hosts[0]]
        assert first.ended and join_backend(7) is None
