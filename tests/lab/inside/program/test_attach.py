"""Targets that are no VM with a vGPU: each one gets an error of one line."""

import subprocess

import pytest

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError
from app.open.opening import OpenOptions, open_target
from app.open.target import parse_target
from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.program import command


def test_refusals_of_attaching(create: Create, start_vm: StartVm, fact: Fact) -> None:
    machine = start_vm(create("mbochs_rw", "small"), name="one")
    machine.wait_for_device()
    child = subprocess.Popen(["true"])
    child.wait()
    targets = (
        f"pid:{child.pid}",
        "pid:2",
        "pid:1",
        "vm:other",
        f"pid:{machine.pid},fd=0",
        f"pid:{machine.pid},fd=9999",
    )
    # In this process: each start of Python takes seconds here.
    for target in targets:
        with pytest.raises(MdevviewError) as refused:
            open_target(parse_target(target), options=OpenOptions(HelperMethod.NEVER))
        assert refused.value.exit_status == 3, target
        line = str(refused.value)
        assert "\n" not in line
        fact(target.replace(str(machine.pid), "QEMU").replace(str(child.pid), "ENDED"), line)
    done = command.run_here("inspect", targets[0])
    assert (done.status, done.out, len(done.err.splitlines())) == (3, "", 1), done
