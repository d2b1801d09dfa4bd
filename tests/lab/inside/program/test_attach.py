"""Attaching to a QEMU: to which, and how often its buffers are fetched from the driver that allows it only once."""

import signal
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.machine import Machine
from tests.lab.inside.program import command


def _told(target: str) -> tuple[str, str]:
    """Reason and detail, by a viewer of its own that ends after it looked."""
    document: dict[str, Any] = command.run("inspect", target, "--json").json()
    return document["reason"], document["detail"]


def test_mbochs_as_shipped_is_fetched_from_once_in_the_life_of_a_vm(
    create: Create, start_vm: StartVm, tmp_path: Path, fact: Fact
) -> None:
    """Fetched means "not-readable" here: no CPU may map these buffers. What is fetched twice spoils the kernel, which
    is looked at after each test."""
    name = create("mbochs", "small")
    machine = start_vm(name, name="once")
    machine.wait_for_text()
    assert _told(name)[0] == "not-readable", "the first viewer"
    refused = _told("vm:once")
    assert refused[0] == "fetched-before", "after it ended"
    with closing(machine.device()) as device:
        device.set_mode(640, 480)
    log = tmp_path / "log"
    viewer = command.start("screenshot", name, "-o", str(tmp_path / "no.png"), "--timeout", "300", errors=log)
    try:
        command.wait_until(_fetched(machine), viewer)
        second = _told(name)
        viewer.send_signal(signal.SIGKILL)
    finally:
        viewer.kill()
        viewer.wait()
    assert second == ("fetched-elsewhere", f"process {viewer.pid} shows this VM already")
    assert _told(name)[0] == "fetched-before", "after it was killed"
    fact("fetched by a viewer that ended", refused[1])
    fact("fetched by a viewer that lives", second[1].replace(str(viewer.pid), "N"))


def _fetched(machine: Machine) -> Callable[[], bool]:
    """Whether a viewer wrote down a second buffer: SeaBIOS' mode was the first."""

    def look() -> bool:
        files = list(Path("/dev/shm").glob(f"mdevview-fetches-{machine.pid}-*"))
        return any(each.read_text().count("id ") == 2 for each in files)

    return look


def test_refusals_of_attaching(create: Create, start_vm: StartVm, fact: Fact) -> None:
    machine = start_vm(create("mbochs_rw", "small"), name="one")
    machine.wait_for_device()
    child = subprocess.Popen(["true"])
    child.wait()
    for target, status in (
        (f"pid:{child.pid}", 3),
        ("pid:2", 3),
        ("pid:1", 3),
        ("vm:other", 3),
        (f"pid:{machine.pid},fd=0", 3),
        (f"pid:{machine.pid},fd=9999", 3),
    ):
        done = command.run("inspect", target)
        assert done.status == status, (target, done)
        (line,) = done.err.splitlines()
        fact(target.replace(str(machine.pid), "QEMU").replace(str(child.pid), "ENDED"), line)
