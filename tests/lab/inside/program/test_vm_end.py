"""A VM that ends at any moment: nothing of it stays open, and its next start finds the device free."""

import errno
import os
import random
import re
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.errors import MdevviewError
from app.open.opening import open_device
from app.open.target import parse_target
from app.planes.frame import Frame
from app.planes.status import Reason, State
from app.vfio.poller import Poller
from tests.conftest import open_files
from tests.lab.inside import mdev, watch
from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.machine import Machine, children, device_fds
from tests.lab.inside.program import command
from tests.lab.inside.rawvfio import Mbochs

# Each round is compared with the state before it, so a leak shows in the first.
_ROUNDS = 30
_SUDDEN_DEATHS = 60


def _poll(poller: Poller, wanted: State) -> Frame:
    until = time.monotonic() + command.PATIENCE_S
    while (frame := poller.latest()).status.state is not wanted:
        assert time.monotonic() < until, frame
        time.sleep(0.002)
    return frame


def _shown(machine: Machine) -> Poller:
    """Attach to the VM and fetch one buffer."""
    machine.set_mode(640, 480)
    poller = open_device(parse_target(f"pid:{machine.pid}")).poller()
    _poll(poller, State.SHOWING)
    return poller


def test_vms_come_and_go_and_leave_nothing(create: Create, start_vm: StartVm, fact: Fact) -> None:
    """Start, attach, kill and start again at once, on one vGPU; then the vGPU is removed."""
    uuid = create("mbochs_rw", "small")
    machine = start_vm(uuid, name="lab", extra=("-S",))
    files, others = open_files(), set(children()) - {machine.pid}
    took: list[float] = []
    began = time.monotonic()
    for _ in range(_ROUNDS + 1):
        started = time.monotonic()
        with_it = _shown(machine)
        assert watch.dmabufs() == 1
        machine.kill()
        frame = with_it.latest()
        assert frame.status.reason is Reason.VM_ENDED
        with_it.close()
        assert (set(children()), open_files(), watch.dmabufs_after(3)) == (others, files, 0)
        took.append(time.monotonic() - started)
        machine = machine.again()
    machine.kill()
    removal = mdev.Removal(uuid)
    assert removal.done_within(5)
    fact(
        f"{_ROUNDS + 1} rounds of QEMU started, attached to, killed",
        f"{time.monotonic() - began:.0f} s, the median {statistics.median(took):.2f} s",
    )


@contextmanager
def _stand_in(uuid: str) -> Iterator[int]:
    """The pid of a process that has a device open like QEMU, with a mode set, and that starts fast."""
    ready, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            device = Mbochs.open(uuid)
            device.set_mode(640, 480)
            os.write(says, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.close(says)
    try:
        assert os.read(ready, 1) == b"."
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_death_in_the_middle_of_any_step_is_one_clear_word(create: Create, fact: Fact) -> None:
    """The VM is killed at a random moment between the look-up of the process and the first pictures."""
    uuid = create("mbochs_rw", "small")
    with _stand_in(uuid) as pid:
        started = time.monotonic()
        poller = open_device(parse_target(f"pid:{pid}")).poller()
        _poll(poller, State.SHOWING)
        whole = time.monotonic() - started
        poller.close()
    rng = random.Random(3)
    heard: dict[str, int] = {}
    for _ in range(_SUDDEN_DEATHS):
        with _stand_in(uuid) as pid:
            killer = threading.Timer(rng.uniform(0, 1.2 * whole), os.kill, (pid, signal.SIGKILL))
            killer.start()
            try:
                heard_now = _follow(pid)
            finally:
                killer.join()
        heard[heard_now] = heard.get(heard_now, 0) + 1
        assert watch.dmabufs_after(3) == 0
        Mbochs.open(uuid).close()  # the device is free again
    fact(f"VM killed within the first {whole * 1000:.0f} ms of attaching, what was said", heard)
    assert {"vm-ended"} < set(heard), heard
    assert all(re.search(r"PID.* ended|no process PID", each) for each in heard if each != "vm-ended"), heard


def _follow(pid: int) -> str:
    """Attach and poll until the VM ends. Returns what the user is told."""
    try:
        opened = open_device(parse_target(f"pid:{pid}"))
    except MdevviewError as error:
        assert error.exit_status == 3, error
        return str(error).replace(str(pid), "PID")
    poller = opened.poller()
    try:
        return _poll(poller, State.GONE).status.reason.key
    finally:
        poller.close()


def test_screenshot_that_waits_for_a_picture_ends_with_the_vm(
    create: Create, start_vm: StartVm, tmp_path: Path, fact: Fact
) -> None:
    """The display of a VM that is stopped before its first instruction is off, so the command waits."""
    errors = tmp_path / "errors"
    machine = start_vm(create("mbochs_rw", "small"), name="lab", extra=("-S",))
    machine.wait_for_device()
    process = command.start("screenshot", "vm:lab", "-o", str(tmp_path / "shot.png"), "--timeout", "100", errors=errors)
    try:
        command.wait_until(lambda: device_fds(process.pid), process)
        machine.kill()
        assert process.wait(command.PATIENCE_S) == 3
    finally:
        process.kill()
        process.wait()
    (line,) = errors.read_text().splitlines()
    assert "vm-ended" in line
    assert not (tmp_path / "shot.png").exists()
    fact("screenshot, VM killed while waiting", line.replace(str(machine.pid), "PID").replace(machine.uuids[0], "UUID"))


def test_device_is_free_although_nobody_polls(create: Create, start_vm: StartVm, fact: Fact) -> None:
    """A window does not poll during a long draw; the next start of the VM must not wait for that."""
    uuid = create("mbochs_rw", "small")
    machine = start_vm(uuid, extra=("-S",))
    with closing(_shown(machine)) as poller:
        ended = time.monotonic()
        machine.kill()
        while True:
            try:
                Mbochs.open(uuid).close()
                break
            except OSError as error:
                assert error.errno == errno.EBUSY and time.monotonic() < ended + command.PATIENCE_S, error
                time.sleep(0.001)
        fact("killed and reaped VM: another opens its device after", f"{1000 * (time.monotonic() - ended):.0f} ms")
        assert poller.latest().status.reason is Reason.VM_ENDED
