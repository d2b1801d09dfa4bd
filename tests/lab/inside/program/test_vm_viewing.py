"""A VM that was started without a display: it is found, listed and shown, in any state."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.machine import Machine, differ
from tests.lab.inside.pictures import Colours, colours, read_png
from tests.lab.inside.program import command
from tests.lab.inside.program.look import Look, look
from tests.lab.inside.rawvfio import ENABLE, Picture, random_picture


def _wait_for(seen: Look, picture: Picture) -> None:
    """Poll as the commands do until the viewer shows the picture."""
    expected = colours(picture)
    until = time.monotonic() + command.PATIENCE_S
    while True:
        if seen.poller.latest().primary is not None and np.array_equal(seen.picture(), expected):
            return
        assert time.monotonic() < until, seen.told()
        time.sleep(0.01)


def test_list_tells_state_pid_vm_name_and_way(shared_vm: Machine, fact: Fact) -> None:
    (listed,) = command.run_here("list", "--json").json()["vgpus"]
    assert (listed["name"], listed["state"]) == (shared_vm.uuids[0], "in-use")
    (holder,) = listed["holders"]
    assert holder == {
        "pid": shared_vm.pid,
        "process": "qemu-system-x86",
        "vm": "lab",
        "vm_id": None,
        "fd": shared_vm.device_fds[0],
        "way": "group",
        "uid": 0,
        "user": "root",
    }
    done = command.run_here("list")
    assert all(word in done.out for word in (shared_vm.uuids[0], "in use", str(shared_vm.pid), "lab"))
    fact("list of a VM", done.out.replace(shared_vm.uuids[0], "UUID"))


def test_screenshot_is_what_another_program_reads(shared_vm: Machine, pictures: Path, fact: Fact) -> None:
    taken = {}
    with shared_vm.stopped():
        done = command.run_raw("screenshot", "vm:lab", "-o", "-")
        for how, target in (("pid", f"pid:{shared_vm.pid}"), ("uuid", shared_vm.uuids[0])):
            taken[how] = pictures / f"screenshot-{how}.png"
            here = command.run_here("screenshot", target, "-o", str(taken[how]))
            assert (here.status, here.out, here.err) == (0, "", ""), here
        picture = shared_vm.picture()
    assert (done.status, done.err) == (0, ""), done.err
    taken["vm"] = pictures / "screenshot-vm.png"
    taken["vm"].write_bytes(done.out)
    for file in taken.values():
        np.testing.assert_array_equal(read_png(file), colours(picture))
    assert np.ptp(picture) > 0
    fact("screenshot of a VM, start to end", f"{done.seconds:.1f} s, {picture.shape[1::-1]}")


def test_two_viewers_see_the_same(shared_vm: Machine) -> None:
    with shared_vm.stopped(), look(f"pid:{shared_vm.pid}") as one, look("vm:lab") as other:
        expected = colours(shared_vm.memory())
        for seen in (one, other, one):
            np.testing.assert_array_equal(seen.picture(), expected)


@pytest.fixture
def frozen(shared_vm: Machine) -> Iterator[Machine]:
    shared_vm.process.send_signal(signal.SIGSTOP)
    yield shared_vm
    shared_vm.process.send_signal(signal.SIGCONT)


def test_process_that_is_stopped_is_attached_to_and_shown(frozen: Machine) -> None:
    """The kernel answers for the device; the VMM need not run."""
    with look(f"pid:{frozen.pid}") as seen:
        np.testing.assert_array_equal(seen.picture(), colours(frozen.memory()))


def test_paused_vm_keeps_its_picture_and_goes_on(shared_vm: Machine) -> None:
    with look(f"pid:{shared_vm.pid}") as seen:
        with shared_vm.stopped():
            for _ in range(2):
                np.testing.assert_array_equal(seen.picture(), colours(shared_vm.memory()))
        shared_vm.reset()
        shared_vm.press("esc")
        shared_vm.wait_for_menu()
        with shared_vm.stopped():
            _wait_for(seen, shared_vm.memory())


def test_reset_and_mode_changes_are_followed(shared_vm: Machine) -> None:
    with look(f"pid:{shared_vm.pid}") as seen:
        for seed, size in enumerate([(640, 480), (800, 512), (1024, 768)]):
            picture = random_picture(*size, seed)
            with shared_vm.stopped():
                with shared_vm.device() as device:
                    device.set_mode(*size)
                    device.draw(picture)
                _wait_for(seen, picture)
        with shared_vm.device() as device:
            device.set_register(ENABLE, 0)
        assert seen.told()["reason"] == "plane-off"
        shared_vm.reset()
        with shared_vm.stopped():
            _wait_for(seen, shared_vm.memory())
        assert differ(shared_vm.memory(), picture)


def test_of_several_vgpus_the_one_named_is_shown(create: Create, start_vm: StartVm) -> None:
    """Before Linux 6.18 the kernel does not tell which fd belongs to which device."""
    sizes = [(640, 480), (800, 512), (320, 256)]
    made = [create("mbochs_rw", kind) for kind in ("small", "medium", "small")]
    machine = start_vm(*made, extra=("-S",))
    expected: dict[str, Colours] = {}
    for which, (uuid, size) in enumerate(zip(made, sizes, strict=True)):
        machine.set_mode(*size, which)
        with machine.device(which) as device:
            picture = random_picture(*size, which)
            device.draw(picture)
            expected[uuid] = colours(picture)
    for uuid in reversed(made):
        with look(uuid) as seen:
            np.testing.assert_array_equal(seen.picture(), expected[uuid])
    done = command.run("screenshot", f"pid:{machine.pid}", "-o", "-")
    assert (done.status, done.out) == (2, ""), done.err
    (line,) = done.err.splitlines()
    assert all(uuid in line for uuid in made), line
