"""Findings about the VM of a picture."""

from app.diagnosis.picture.host_facts import RunState, VmFacts
from app.diagnosis.picture.vm_findings import vm_finding


def test_the_name_of_a_vm_cannot_add_a_command_to_the_remedy() -> None:
    for state in (RunState.PAUSED, RunState.SUSPENDED):
        finding = vm_finding(VmFacts(4711, "vm; reboot", state))
        assert finding is not None
        assert " 'vm; reboot'; or the monitor's command" in finding.remedy


def test_a_recorded_vm_has_no_process_to_signal() -> None:
    finding = vm_finding(VmFacts(0, state=RunState.STOPPED, state_evidence="stopped by a signal"))
    assert finding is not None
    assert (finding.evidence, finding.remedy) == ("a recorded VM; stopped by a signal", "Let it go on: kill -CONT PID")
