"""A TARGET of Xen, from what a user types to a session: on a fake host."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from app.attach.helper_fds import HelperMethod
from app.attach.xen_files import XenFiles
from app.errors import AmbiguousTarget, MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied
from app.host.paths import HOST
from app.host.process import start_time
from app.open import xen_access
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import parse_target
from app.open.waiter import next_target
from app.open.xen_target import XenScreen
from app.open.xen_waiter import XenWaiter
from app.planes.status import Reason, Status
from app.xen.backend.backend_thread import BackendThread
from app.xen.backend.claim import CLAIM_NODE
from app.xen.backend.driver import Driver
from tests.xen.display_front import Screen
from tests.xen.front import wait_until
from tests.xen.machine import FakeXen, fake_xen, opened_everywhere
from tests.xen.nodes import DisplayConfig
from tests.xen.serving import wait_frame

TWO = DisplayConfig((("left", 64, 48), ("right", 32, 24)))
LOOK_NS = 250_000_000


@pytest.fixture
def xen() -> Iterator[FakeXen]:
    with fake_xen() as host, opened_everywhere(host):
        yield host


def opened(text: str) -> Session:
    return open_target(parse_target(text), options=OpenOptions(HelperMethod.NEVER))


def refusal(text: str) -> MdevviewError:
    with pytest.raises(MdevviewError) as raised:
        opened(text)
    assert raised.value.remedy
    return raised.value


@dataclass
class Clock:
    now: int = 0

    def __call__(self) -> int:
        return self.now


@pytest.mark.parametrize("text", ["xen:web", "xen:1"])
def test_a_guest_is_opened_by_name_and_by_number(xen: FakeXen, text: str) -> None:
    guest = xen.create("web")
    session = opened(text)
    try:
        assert (session.target, session.label, session.guest_name) == ("xen:web", "web", "web")
        guest.display.wait_connected()
        screen = Screen(guest.display, 64, 48)
        screen.show(bytes(64 * 48 * 4))
        assert wait_frame(session.source, Reason.OK).primary is not None
        document = session.describe()
        assert document["device"]["type"] == "xen-vdispl"
        assert [each["shown"] for each in document["vm_display"]["consoles"]] == [True]
        assert session.resolution.refusal is not None
        assert session.input.reason == "" or "keyboard" in session.input.reason
    finally:
        session.close()


def test_each_connector_is_a_screen_with_a_target_of_its_own(xen: FakeXen) -> None:
    xen.create("web", [TWO])
    error = refusal("xen:web")
    assert isinstance(error, AmbiguousTarget)
    assert error.candidates == ("xen:web,connector=0", "xen:web,connector=1")
    session = opened("xen:web,connector=1")
    try:
        assert [(each.target, each.shown) for each in session.consoles()] == [
            ("xen:web,connector=0", False),
            ("xen:web,connector=1", True),
        ]
        assert session.label == "web, connector 1"
    finally:
        session.close()


def test_what_cannot_be_shown_says_what_to_write(xen: FakeXen) -> None:
    xen.create("bare", [])
    error = refusal("xen:bare")
    assert isinstance(error, NoSuchDevice)
    assert "vdispl=['backend=0,be-alloc=0,connectors=id0:1024x768']" in error.remedy
    xen.create("twin")
    xen.create("twin")
    error = refusal("xen:twin")
    assert isinstance(error, AmbiguousTarget)
    assert error.candidates == ("xen:2", "xen:3")
    away = xen.create("away")
    xen.tree.write_all([(f"{away.home}/device/vdispl/0/backend-id", "3")])
    error = refusal("xen:away")
    assert isinstance(error, OpenFailed)
    assert "domain 3" in error.message
    assert "backend=0" in error.remedy
    error = refusal("xen:nobody")
    assert isinstance(error, NoSuchDevice) and ",connector=N" not in error.remedy
    error = refusal("xen:nobody,conector=1")
    assert isinstance(error, NoSuchDevice) and ",connector=N" in error.remedy
    assert isinstance(refusal("xen:99"), NoSuchDevice)


def test_the_display_of_a_pv_guest_needs_be_alloc_0(xen: FakeXen) -> None:
    guest = xen.create("pv", [DisplayConfig(be_alloc=True)])
    xen.tree.write_all([(f"/libxl/{guest.domid}/type", "pv")])
    error = refusal("xen:pv")
    assert isinstance(error, OpenFailed)
    assert "be-alloc=0" in error.remedy


def test_one_screen_is_not_served_twice(xen: FakeXen) -> None:
    xen.create("web")
    session = opened("xen:web")
    try:
        assert "open in this program already" in refusal("xen:web").message
    finally:
        session.close()


def test_a_display_that_is_refused_leaves_the_host_to_one_that_was_opened_meanwhile(
    xen: FakeXen, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = xen.create("web", [DisplayConfig(), DisplayConfig()])
    xen.tree.write(f"{guest.displays[0].backend}/{CLAIM_NODE}", f"{os.getppid()} {start_time(os.getppid())}")
    others: list[Session] = []
    first = iter((True,))
    add = BackendThread.add

    def add_later(thread: BackendThread, driver: Driver, *, wait: bool = False) -> None:
        if next(first, False):
            others.append(opened("xen:web,device=1"))
        add(thread, driver, wait=wait)

    monkeypatch.setattr(BackendThread, "add", add_later)
    clock = Clock()
    waiter = waiting(xen, XenScreen("web", device=0), clock)
    status = waiter.poll()
    assert isinstance(status, Status) and status.reason is Reason.VM_NOT_RUNNING
    (other,) = others
    for _ in range(2):
        clock.now += LOOK_NS
        waiter.poll()
    waiter.close()
    try:
        guest.displays[1].wait_connected()
        Screen(guest.displays[1], 64, 48).show(bytes(64 * 48 * 4))
        assert wait_frame(other.source, Reason.OK).primary is not None
    finally:
        other.close()
    assert not any(each.is_open for each in xen.hosts)


def waiting(xen: FakeXen, target: XenScreen, clock: Clock) -> XenWaiter:
    return XenWaiter(target, HOST, clock, None)


def polled(waiter: XenWaiter, clock: Clock) -> Session | Status:
    clock.now += LOOK_NS
    return waiter.poll()


def test_a_guest_that_starts_is_shown_at_the_next_look_with_the_files_that_were_open(xen: FakeXen) -> None:
    clock = Clock()
    waiter = waiting(xen, XenScreen("web"), clock)
    try:
        status = polled(waiter, clock)
        assert isinstance(status, Status)
        assert status.reason is Reason.VM_NOT_RUNNING
        assert polled(waiter, clock) is status
        guest = xen.create("web")
        session = polled(waiter, clock)
        assert isinstance(session, Session)
        assert len(xen.hosts) == 1
    finally:
        waiter.close()
    guest.display.wait_connected()
    xen.restart(guest)
    first = session
    wait_until(lambda: first.ended() is not None, lambda: "the end of the guest")
    session.close()
    again = next_target(XenScreen("1"), session)
    assert again == XenScreen("web")
    assert isinstance(again, XenScreen)
    waiter = waiting(xen, again, clock)
    try:
        session = polled(waiter, clock)
        assert isinstance(session, Session)
        session.close()
    finally:
        waiter.close()


@dataclass
class Asked:
    """A person who is asked for the files of Xen."""

    answer: XenFiles | MdevviewError
    done: threading.Event = field(default_factory=threading.Event)
    times: int = 0

    def __call__(self) -> "Asked":
        self.times += 1
        return self

    def start(self) -> None:
        pass

    def is_done(self) -> bool:
        return self.done.is_set()

    def result(self) -> XenFiles:
        if isinstance(self.answer, MdevviewError):
            raise self.answer
        return self.answer

    def cancel(self) -> None:
        pass


def denied(*_: object) -> Callable[[], None]:
    raise PermissionError(13, "Permission denied")


def test_who_refuses_the_files_of_xen_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xen_access, "open_xen_host", denied)
    with pytest.raises(PermissionDenied):
        opened("xen:web")
    clock, person = Clock(), Asked(PermissionDenied("refused", "ask again"))
    waiter = XenWaiter(XenScreen("web"), HOST, clock, person)
    reasons = []
    for _ in range(4):
        status = polled(waiter, clock)
        assert isinstance(status, Status)
        reasons.append(status.reason)
        person.done.set()
    waiter.close()
    assert reasons == [Reason.ASKING_PERMISSION, *[Reason.PERMISSION_DENIED] * 3]
    assert person.times == 1


def test_a_guest_that_cannot_be_shown_does_not_ask_a_person_again(
    xen: FakeXen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xen_access, "open_xen_host", denied)
    monkeypatch.setattr(xen_access, "xen_host_of", xen.open_host)
    guest = xen.create("pv", [DisplayConfig(be_alloc=True)])
    xen.tree.write_all([(f"/libxl/{guest.domid}/type", "pv")])
    clock, person = Clock(), Asked(XenFiles(3, 4, 5))
    person.done.set()
    waiter = XenWaiter(XenScreen("pv"), HOST, clock, person)
    for _ in range(3):
        clock.now += 10 * LOOK_NS
        status = waiter.poll()
        assert isinstance(status, Status)
        assert status.reason is Reason.OPEN_FAILED
    waiter.close()
    assert person.times == 1


def test_the_helper_opens_the_files_of_xen_once_for_a_whole_wait(xen: FakeXen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xen_access, "open_xen_host", denied)
    monkeypatch.setattr(xen_access, "xen_host_of", xen.open_host)
    guest = xen.create("web")
    session = open_target(parse_target("xen:web"), options=OpenOptions(request_xen=lambda: XenFiles(3, 4, 5)))
    session.close()
    xen.destroy(guest, keep_backend=False)
    clock, person = Clock(), Asked(XenFiles(3, 4, 5))
    person.done.set()
    waiter = XenWaiter(XenScreen("web"), HOST, clock, person)
    try:
        for _ in range(3):
            assert isinstance(polled(waiter, clock), Status)
        xen.create("web")
        found = polled(waiter, clock)
        assert isinstance(found, Session)
        found.close()
    finally:
        waiter.close()
    assert person.times == 1
