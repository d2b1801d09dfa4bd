"""Consoles of a real QEMU, opened by a target, as users name them."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.attach.helper_fds import HelperMethod
from app.errors import AmbiguousTarget, DeviceBusy, NoSuchDevice
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import VmName, parse_target
from app.open.waiter import Waiter, next_target
from app.planes.status import Reason, State
from tests.gate import need_programs
from tests.qemu.machine import QemuMachine

# Other VMs may run here.
NAME = f"mdevview-test-{os.getpid()}"
OPTIONS = OpenOptions(HelperMethod.NEVER)
PATIENCE_S = 20.0


def _open(target: str) -> Session:
    return open_target(parse_target(target), options=OPTIONS)


def _wait_for_picture(session: Session) -> None:
    until = time.monotonic() + PATIENCE_S
    while session.source.latest().status.state is not State.SHOWING:
        assert time.monotonic() < until, session.source.latest().status
        time.sleep(0.01)


def test_by_name_by_pid_and_by_console(tmp_path: Path) -> None:
    agent = ("-chardev", "qemu-vdagent,id=agent,clipboard=on")
    with QemuMachine(tmp_path, ["VGA", "bochs-display"], name=NAME, extra=agent) as vm:
        with pytest.raises(AmbiguousTarget, match="has 2 screens") as caught:
            _open(f"vm:{NAME}")
        assert caught.value.candidates == (f"vm:{NAME},console=0", f"vm:{NAME},console=1")
        with pytest.raises(NoSuchDevice, match=r"no console 7; there are: .*=0 \(gpu0\), .*=1 \(gpu1\)"):
            _open(f"vm:{NAME},console=7")
        first, second = _open(f"vm:{NAME},console=0"), _open(f"pid:{vm.pid},console=1")
        try:
            _wait_for_picture(first)
            assert (first.target, first.label) == (f"vm:{NAME},console=0", f"VM {NAME}, console 0")
            assert second.target == f"vm:{NAME},console=1", "one screen has one name"
            assert [(each.target, each.shown) for each in second.consoles()] == [
                (f"vm:{NAME},console=0", False),
                (f"vm:{NAME},console=1", True),
            ]
            assert first.vm is not None and first.vm.pid == vm.pid and not first.input.reason
            assert next_target(parse_target(f"pid:{vm.pid},console=1"), second) == VmName(NAME, 1)
            with pytest.raises(DeviceBusy, match="open in this program already"):
                _open(f"vm:{NAME},console=1")
            assert first.clipboard is not None and second.clipboard is not None
            first.clipboard.share(lambda: None)
            second.clipboard.share(lambda: None)
            assert first.clipboard.why_not == "" != second.clipboard.why_not
            # The other windows keep their picture, and the monitor is free for a manager.
            assert first.ended() is None
            vm.press("esc")
            first.close()
            second.clipboard.share(lambda: None)
            assert second.clipboard.why_not == "", "a session that is closed shares no longer"
        finally:
            first.close()
            second.close()


def test_who_waits_finds_the_vm_again_after_its_end(tmp_path: Path) -> None:
    waiter = Waiter(VmName(NAME), options=OPTIONS, soon=True)
    found = waiter.poll()
    assert not isinstance(found, Session) and found.reason is Reason.VM_NOT_RUNNING
    for round_ in ("one", "two"):
        with QemuMachine(tmp_path / round_, ["VGA"], name=NAME) as vm:
            until = time.monotonic() + PATIENCE_S
            while not isinstance(found := waiter.poll(), Session):
                assert time.monotonic() < until, found
                time.sleep(0.05)
            try:
                assert found.label == f"VM {NAME}"
                assert found.clipboard is not None and "no channel to an agent" in found.clipboard.why_not
                vm.kill()
                while (end := found.ended()) is None:
                    assert time.monotonic() < until
                    time.sleep(0.01)
                assert end.reason is Reason.VM_ENDED
            finally:
                found.close()
    waiter.close()


@contextmanager
def _bus(path: Path) -> Iterator[str]:
    need_programs("dbus-daemon")
    address = f"unix:path={path}"
    config = path.with_suffix(".conf")
    config.write_text(
        "<busconfig><type>session</type><auth>EXTERNAL</auth>"
        f'<listen>{address}</listen><policy context="default"><allow send_destination="*"/><allow own="*"/>'
        '<allow eavesdrop="false"/></policy></busconfig>'
    )
    command = ["setpriv", "--pdeathsig", "KILL", "--", "dbus-daemon", "--nofork", f"--config-file={config}"]
    with subprocess.Popen([*command, "--print-address=1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as daemon:
        try:
            assert daemon.stdout is not None and daemon.stdout.readline()
            yield address
        finally:
            daemon.kill()


def test_two_vms_on_a_bus_are_told_apart_by_their_processes(tmp_path: Path) -> None:
    with _bus(tmp_path / "bus") as address:
        display = f"dbus,addr={address}"
        names = (f"{NAME}-a", f"{NAME}-b")
        with (
            QemuMachine(tmp_path / "a", ["VGA"], display, names[0]) as one,
            QemuMachine(tmp_path / "b", ["VGA"], display, names[1]) as two,
        ):
            for vm, name in ((one, names[0]), (two, names[1])):
                session = _open(f"vm:{name}")
                assert session.vm is not None and session.vm.pid == vm.pid
                session.close()
            with pytest.raises(AmbiguousTarget, match="2 VMs are on the bus") as caught:
                _open(f"dbus:{address}")
            assert set(caught.value.candidates) == {f"dbus:{address},pid={each.pid}" for each in (one, two)}
            with pytest.raises(NoSuchDevice, match="no VM on the bus"):
                _open(f"dbus:{address},pid={os.getpid()}")
            session = _open(f"dbus:{address},pid={two.pid},console=0")
            try:
                _wait_for_picture(session)
                assert session.target == f"dbus:{address},pid={two.pid},console=0"
                assert session.vm is not None and session.vm.name == names[1]
                two.kill()
                until = time.monotonic() + PATIENCE_S
                while session.ended() is None:
                    assert time.monotonic() < until
                    time.sleep(0.01)
            finally:
                session.close()
        with pytest.raises(NoSuchDevice, match="no VM is on the bus"):
            _open(f"dbus:{address}")
