"""The findings of ``inspect`` on the real drivers: each with the evidence of this kernel."""

import signal
from typing import Any

from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.program import command


def _findings(target: str) -> dict[str, dict[str, Any]]:
    """The findings of ``inspect`` by their keys, in their order."""
    told = command.run_here("inspect", "--json", target).json()
    return {each["key"]: each for each in told["findings"]}


def test_mdpy_has_only_a_region(create: Create, fact: Fact) -> None:
    found = _findings(create("mdpy", "vga"))
    assert "region-only" in found
    fact("mdpy: finding", found["region-only"]["message"])


def test_vm_before_its_guest_turns_the_display_on(create: Create, start_vm: StartVm, fact: Fact) -> None:
    """The VM's CPUs have not started, so no firmware has run yet."""
    machine = start_vm(create("mbochs_rw", "small"), name="early", extra=("-S",))
    machine.wait_for_device()
    machine.command("query-status")
    found = _findings("vm:early")
    assert "plane-never-enabled" in found
    assert "vm-paused" in found, "QMP says prelaunch"
    fact("VM before its guest starts: findings", list(found))
    machine.command("cont")
    machine.wait_for_text()
    found = _findings("vm:early")
    assert not {"plane-never-enabled", "vm-paused"} & set(found)


def test_signal_that_stops_the_vm_is_named(create: Create, start_vm: StartVm) -> None:
    machine = start_vm(create("mbochs_rw", "small"), extra=("-S",))
    machine.set_mode(640, 480)
    machine.process.send_signal(signal.SIGSTOP)
    try:
        assert "vm-stopped" in _findings(f"pid:{machine.pid}")
    finally:
        machine.process.send_signal(signal.SIGCONT)
