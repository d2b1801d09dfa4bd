"""Opening on a thread: a window is never held up, and nothing stays open that nobody took."""

import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach import helper_exchange, helper_request
from app.attach.helper_fds import HelperMethod, ReceivedFd
from app.errors import NoSuchDevice, PermissionDenied
from app.host.discovery import discover
from app.open.background import BackgroundOpener, open_in_background, wait_in_background
from app.open.opening import OpenOptions, vfio_session
from app.open.session import Session
from app.open.target import Named, Pid, Simulated, VmName
from app.planes.status import Reason, Status
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.app.attach.installed_helper import IGNORES_SIGTERM, Make, maker, wait_for_end
from tests.unit.hosts import UUID_A, Host, hide_files, qemu
from tests.unit.scripted import ScriptedDevice
from tests.unit.vms import Vms, vms_on

_PATIENCE_S = 20.0

Start = Callable[..., BackgroundOpener]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts openers; they are closed after the test, and their threads end by themselves."""
    started: list[BackgroundOpener] = []

    def begin(opener: BackgroundOpener) -> BackgroundOpener:
        started.append(opener)
        return opener

    yield begin
    for each in started:
        each.close()
        assert each.join(_PATIENCE_S)


class _Slow:
    """An opener that takes until it is told to go on, as on a host with very many processes."""

    def __init__(self, result: Session | Status | Exception) -> None:
        self._result = result
        self.polled, self.go_on = threading.Event(), threading.Event()
        self.closed = False

    def poll(self) -> Session | Status:
        self.polled.set()
        assert self.go_on.wait(_PATIENCE_S)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def close(self) -> None:
        self.closed = True


def _session() -> tuple[ScriptedDevice, Session]:
    device = ScriptedDevice()
    return device, vfio_session(OpenedDevice("x", "x", device, None, FetchRule.FREELY, lambda: None))


def _next(opener: BackgroundOpener) -> Session | Status:
    """What is new."""
    assert select.select([opener], [], [], _PATIENCE_S)[0], "nothing happened"
    return opener.poll()


def _opened(opener: BackgroundOpener) -> Session:
    result = _next(opener)
    while not isinstance(result, Session):
        result = _next(opener)
    return result


def test_opening_that_takes_long_holds_nobody_up(start: Start) -> None:
    device, session = _session()
    slow = _Slow(session)
    opener = start(BackgroundOpener(lambda *_: slow))
    assert slow.polled.wait(_PATIENCE_S)
    assert opener.poll() == Status(Reason.NOT_STARTED)
    assert not select.select([opener], [], [], 0)[0]
    slow.go_on.set()
    assert _opened(opener) is session
    assert opener.poll() == Status(Reason.NOT_STARTED), "it is given once"
    opener.close()
    assert opener.join(_PATIENCE_S)
    assert not device.closed, "it is the caller's"
    assert slow.closed
    device.close()


def test_closing_does_not_wait_and_the_thread_closes_what_it_opens_later(start: Start) -> None:
    device, session = _session()
    slow = _Slow(session)
    opener = start(BackgroundOpener(lambda *_: slow))
    assert slow.polled.wait(_PATIENCE_S)
    opener.close()
    opener.close()
    assert opener.fileno() == -1
    assert not opener.join(0), "the thread is still at work"
    slow.go_on.set()
    assert opener.join(_PATIENCE_S)
    assert device.closed
    assert slow.closed


def test_session_that_nobody_took_is_closed(start: Start) -> None:
    device, session = _session()
    slow = _Slow(session)
    slow.go_on.set()
    opener = start(BackgroundOpener(lambda *_: slow))
    assert select.select([opener], [], [], _PATIENCE_S)[0]
    opener.close()
    assert opener.join(_PATIENCE_S)
    assert device.closed


def test_vm_that_ends_before_it_is_taken_frees_its_device(start: Start) -> None:
    """A window may be busy drawing for long; the VM's next start must not wait for that."""
    device, session = _session()
    slow = _Slow(replace(session, ended=lambda: Status(Reason.VM_ENDED)))
    start(BackgroundOpener(lambda *_: slow))
    slow.go_on.set()
    end = time.monotonic() + _PATIENCE_S
    while not device.closed:
        assert time.monotonic() < end, "it is kept open"
        time.sleep(0.005)


def test_an_error_of_the_program_is_not_waited_over(start: Start) -> None:
    slow = _Slow(ValueError("a mistake"))
    slow.go_on.set()
    opener = start(BackgroundOpener(lambda *_: slow))
    with pytest.raises(ValueError, match="a mistake"):
        _opened(opener)
    assert slow.closed


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path / "host")
    host.mdev(UUID_A, "i915-GVTg_V5_4", 1)
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


def test_chosen_vgpu_is_opened_once_and_errors_are_handed_over(start: Start, host: Host, vms: Vms) -> None:
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs"], groups=[1])
    (vgpu,) = discover(host.scan())
    options = OpenOptions(access=vms.access())
    for target in (vgpu, Named(UUID_A[:8]), Pid(vm.pid), VmName("a")):
        session = _opened(start(open_in_background(target, host.paths, options)))
        assert session.vm is not None and session.vm.pid == vm.pid
        session.close()
    failing = start(open_in_background(VmName("b"), host.paths, options))
    with pytest.raises(NoSuchDevice, match="no VM b; there are: a"):
        _opened(failing)


def test_simulated_device_is_opened_in_the_background_as_well(start: Start, host: Host) -> None:
    session = _opened(start(open_in_background(Simulated("gvt"), host.paths)))
    assert session.vgpu is not None and session.vgpu.simulated
    session.close()


def test_vm_is_waited_for(start: Start, host: Host, vms: Vms) -> None:
    opener = start(wait_in_background(Named(UUID_A), host.paths, OpenOptions(access=vms.access()), soon=True))
    status = _next(opener)
    assert isinstance(status, Status)
    assert status.reason is Reason.VM_NOT_RUNNING
    vm = vms.start("qemu-system-x86", qemu("a"), ["mbochs"], groups=[1])
    session = _opened(opener)
    assert session.vm is not None and session.vm.pid == vm.pid
    session.close()


def _install_helper_that_asks_for_ever(make: Make, asks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation = make(pkexec=f'exec "{sys.executable}" "{IGNORES_SIGTERM}" "{asks}"')
    request_fds = helper_request.request_fds

    def installed(pid: int, fd: int | None, method: HelperMethod, *, cancel_fd: int) -> list[ReceivedFd]:
        return request_fds(pid, fd, method, installation, cancel_fd)

    monkeypatch.setattr(helper_request, "request_fds", installed)


def test_closing_while_a_password_is_asked_for_waits_for_nobody(
    start: Start, host: Host, vms: Vms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper that ignores SIGTERM froze the window for 4 s."""
    asks = tmp_path / "asks"
    _install_helper_that_asks_for_ever(maker(tmp_path), asks, monkeypatch)
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A}"
    vm = vms.start("qemu-system-x86", qemu("a", "-device", device), ["mbochs"], groups=[1])
    hide_files(monkeypatch, vm.pid)
    opener = start(open_in_background(Named(UUID_A), host.paths, OpenOptions(access=vms.access())))
    status = _next(opener)
    assert isinstance(status, Status)
    assert (status.reason, status.detail) == (
        Reason.ASKING_PERMISSION,
        f"asking for permission to look into qemu-system-x86 {vm.pid}",
    )
    end = time.monotonic() + _PATIENCE_S
    while not asks.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    opener.close()
    assert opener.join(_PATIENCE_S), "the thread waits for the helper"
    with pytest.raises(PermissionDenied, match="cancelled"):
        opener.poll()
    (child,) = helper_exchange._unreaped
    assert child.poll() is None
    child.kill()
    wait_for_end(child)
