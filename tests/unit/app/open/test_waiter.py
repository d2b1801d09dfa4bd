"""Waiting for a VM: never in the way of its start, cheap while nothing happens, one question for one permission."""

import select
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach.helper_fds import HelperMethod, HelperTimeout, ReceivedFd
from app.device.seam import Device
from app.errors import DeviceBusy, MdevviewError, NeedsRunningVm, NoSuchDevice, PermissionDenied, UsageError
from app.host.vgpu import Vgpu
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import Default, InheritedFd, Named, Pid, Replay, Simulated, Target, VmName
from app.open.waiter import Waiter, can_wait, may_open_later, next_target
from app.open.xen_target import XenScreen
from app.planes.status import Reason, State, Status
from tests.unit.hosts import UUID_A, Host, hide_files, qemu
from tests.unit.sim_tools import Clock
from tests.unit.vms import Child, Vms, vms_on

DEVICE = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"

DEVICE_TARGET = Named(UUID_A)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "i915-GVTg_V5_4", 1)
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _waiter(host: Host, vms: Vms, clock: Clock, target: Target = DEVICE_TARGET) -> Waiter:
    return Waiter(target, host.paths, OpenOptions(HelperMethod.NEVER, access=vms.access()), clock=clock)


def _start(vms: Vms) -> Child:
    return vms.start("qemu-system-x86", qemu("win10", "-device", DEVICE), ["mbochs"], groups=[1])


def _status(waiter: Waiter, clock: Clock, seconds: float = 2) -> Status:
    clock.advance(seconds)
    found = waiter.poll()
    assert isinstance(found, Status)
    return found


def _pid(found: Session | Status) -> int:
    assert isinstance(found, Session), found
    found.close()
    assert found.vm is not None
    return found.vm.pid


def test_free_device_is_not_opened_and_the_vm_is_attached_to_when_it_has_it(
    host: Host, vms: Vms, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open here, it would be busy when the VM starts."""
    opened: list[str] = []

    def open_vgpu(vgpu: Vgpu, *_: object) -> Device:
        opened.append(vgpu.name)
        raise NeedsRunningVm("as it is said of a vGPU that is left alone", "")

    monkeypatch.setattr("app.open.opening.open_vgpu", open_vgpu)
    waiter = _waiter(host, vms, clock)
    assert _status(waiter, clock).reason is Reason.VM_NOT_RUNNING
    half = vms.start("qemu-system-x86", qemu("win10"), [], groups=[1])
    assert _status(waiter, clock).reason is Reason.VM_NOT_RUNNING, "its group is open, its device is not"
    vms.ended(half)
    vm = _start(vms)
    clock.advance(2)
    assert _pid(waiter.poll()) == vm.pid
    assert not opened
    waiter.close()


@pytest.mark.parametrize(
    ("target", "first"),
    [
        (Named(UUID_A), Reason.VM_NOT_RUNNING),
        (Named("9" * 8), Reason.NO_DEVICE),
        (VmName("win10"), Reason.VM_NOT_RUNNING),
        (Default(), Reason.VM_NOT_RUNNING),
    ],
)
def test_what_is_waited_for_is_said(host: Host, vms: Vms, clock: Clock, target: Target, first: Reason) -> None:
    waiter = _waiter(host, vms, clock, target)
    status = _status(waiter, clock)
    assert (status.reason, status.state) == (first, State.WAITING)
    assert status.detail
    assert _status(waiter, clock) is status, "unchanged: nothing to draw"
    waiter.close()


def test_nothing_is_looked_at_until_a_process_came_or_time_went(
    host: Host, vms: Vms, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Target] = []

    def look(target: Target, *_: object) -> Session:
        looks.append(target)
        raise NoSuchDevice("none", "")

    monkeypatch.setattr("app.open.waiter.open_target", look)
    waiter = _waiter(host, vms, clock)
    for _ in range(100):
        waiter.poll()
        clock.advance(0.018)
    assert len(looks) == 1
    _start(vms)
    for _ in range(100):
        waiter.poll()
        clock.advance(0.018)
    assert len(looks) in (4, 5), "every half second, as the VM is on its way"
    for _ in range(1000):
        waiter.poll()
        clock.advance(0.018)
    before = len(looks)
    for _ in range(200):
        waiter.poll()
        clock.advance(0.018)
    assert len(looks) - before in (1, 2), "every two seconds again"
    waiter.close()


def test_vm_that_ended_is_found_again_by_what_does_not_change(host: Host, vms: Vms) -> None:
    vm = _start(vms)
    access = OpenOptions(access=vms.access())
    for target, expected in (
        (Pid(vm.pid), Named(UUID_A)),
        (Named(UUID_A[:8]), Named(UUID_A)),
        (VmName("win10"), VmName("win10")),
    ):
        source = open_target(target, host.paths, access)
        assert next_target(target, source) == expected
        source.close()
    unknown = replace(source, vgpu=None)
    assert next_target(Pid(1), unknown) == VmName("win10")


@pytest.mark.parametrize(("target", "worth"), [(Pid(2**22 - 1), False), (VmName("x"), True), (Named("9"), True)])
def test_process_that_is_gone_is_not_worth_waiting_for(host: Host, target: Target, worth: bool) -> None:
    with pytest.raises(MdevviewError) as caught:
        open_target(target, host.paths, OpenOptions(alone=False))
    assert may_open_later(target, caught.value) is worth


class Question:
    """A helper that answers when the test says so."""

    def __init__(self, pid: int, vm: Child, vms: Vms) -> None:
        self.pid = pid
        self._vm, self._vms = vm, vms
        self._socket, self._other = socket.socketpair()
        self.answer: MdevviewError | None = None
        self.cancelled = False

    def start(self) -> None:
        pass

    def is_done(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])

    def say(self, answer: MdevviewError | None) -> None:
        self.answer = answer
        self._other.send(b"x")

    def result(self) -> list[ReceivedFd]:
        if self.answer is not None:
            raise self.answer
        with self._vms.access().open_process(self.pid) as process:
            own = process.duplicate(self._vm.fds[0])
        return [ReceivedFd(self._vm.fds[0], own, (1,))]

    def cancel(self) -> None:
        self.cancelled = True
        for each in (self._socket, self._other):
            each.close()


class Asker:
    """Another user's VM, and the questions that were asked about it."""

    def __init__(self, host: Host, vms: Vms, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self._vms, self._monkeypatch = vms, monkeypatch
        self.questions: list[Question] = []
        self.vm = self.start()
        self.waiter = Waiter(
            Named(UUID_A), host.paths, OpenOptions(access=vms.access()), clock=clock, make_request=self._ask
        )

    def start(self) -> Child:
        self.vm = _start(self._vms)
        hide_files(self._monkeypatch, self.vm.pid)
        return self.vm

    def _ask(self, pid: int, fd: int | None, way: HelperMethod) -> Question:
        assert (fd, way) == (None, HelperMethod.AUTO)
        self.questions.append(Question(pid, self.vm, self._vms))
        return self.questions[-1]


@pytest.fixture
def asker(host: Host, vms: Vms, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Asker:
    return Asker(host, vms, clock, monkeypatch)


def test_person_is_asked_in_the_background_and_the_answer_is_taken_at_once(asker: Asker, clock: Clock) -> None:
    for _ in range(3):
        assert _status(asker.waiter, clock).reason is Reason.ASKING_PERMISSION
    (question,) = asker.questions
    question.say(None)
    assert _pid(asker.waiter.poll()) == asker.vm.pid
    assert question.cancelled
    asker.waiter.close()


def test_person_who_refused_is_not_asked_again_before_the_vm_restarts(asker: Asker, vms: Vms, clock: Clock) -> None:
    _status(asker.waiter, clock)
    asker.questions[0].say(PermissionDenied("no", "try another way"))
    for _ in range(5):
        status = _status(asker.waiter, clock)
        assert (status.reason, status.detail) == (Reason.PERMISSION_DENIED, "no; try another way")
    assert len(asker.questions) == 1
    vms.ended(asker.vm)
    assert _status(asker.waiter, clock).reason is Reason.VM_NOT_RUNNING
    asker.start()
    assert _status(asker.waiter, clock).reason is Reason.ASKING_PERMISSION
    assert len(asker.questions) == 2
    asker.waiter.close()
    assert asker.questions[1].cancelled, "the dialog goes with the window"


def test_question_goes_with_the_vm_it_is_about(asker: Asker, vms: Vms, clock: Clock) -> None:
    _status(asker.waiter, clock)
    vms.ended(asker.vm)
    assert _status(asker.waiter, clock).reason is Reason.VM_NOT_RUNNING
    assert asker.questions[0].cancelled


def test_person_whose_helper_never_answered_is_not_asked_again(asker: Asker, clock: Clock) -> None:
    _status(asker.waiter, clock)
    asker.questions[0].say(HelperTimeout("no answer", "look"))
    for _ in range(3):
        status = _status(asker.waiter, clock)
        assert (status.reason, status.detail) == (Reason.OPEN_FAILED, "no answer; look")
    assert len(asker.questions) == 1


def test_helper_that_came_too_early_is_asked_again_and_not_for_ever(asker: Asker, clock: Clock) -> None:
    for _ in range(20):
        _status(asker.waiter, clock)
        if asker.questions and not asker.questions[-1].cancelled:
            asker.questions[-1].say(NoSuchDevice("no device yet", ""))
            assert isinstance(asker.waiter.poll(), Status)
    assert len(asker.questions) == 5
    asker.waiter.close()


def test_only_what_can_appear_later_is_waited_for() -> None:
    assert all(can_wait(each) for each in (Named("desk"), VmName("win10"), XenScreen("web"), Pid(4711), Default()))
    assert not any(can_wait(each) for each in (Simulated("gvt"), Replay("file"), InheritedFd(3)))
    assert can_wait(Named("desk"), DeviceBusy("desk is in use by process 4711", "close it"))
    assert not can_wait(Named("desk"), UsageError("what?"))
