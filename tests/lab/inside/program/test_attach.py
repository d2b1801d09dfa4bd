"""Targets that are no VM with a vGPU: each one gets an error of one line."""

import subprocess

from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.program import command


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
