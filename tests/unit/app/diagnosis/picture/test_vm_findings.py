"""Findings about a VM that does not run."""

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import RunState, VmFacts
from tests.unit.app.diagnosis.picture.facts import picture


def test_a_recording_of_a_stopped_vm_names_no_process() -> None:
    (found,) = diagnose(picture(vm=VmFacts(0, None, RunState.STOPPED, "state T")))
    assert (found.evidence, found.remedy) == ("a recorded VM; state T", "Let it go on: kill -CONT PID")


def test_virsh_is_proposed_where_libvirt_started_the_vm_and_asks_the_one_that_did() -> None:
    for uri in ("qemu:///session", "qemu:///system"):
        (found,) = diagnose(picture(vm=VmFacts(7, "my guest", RunState.PAUSED, libvirt=uri)))
        assert found.remedy == f"Let it run: virsh -c {uri} resume 'my guest'; or the monitor's command 'cont'."
    for vm in (VmFacts(7, "guest", RunState.SUSPENDED), VmFacts(7, None, RunState.SUSPENDED, libvirt="qemu:///system")):
        (found,) = diagnose(picture(vm=vm))
        assert found.remedy == "Wake it: the monitor's command 'system_wakeup'."
