"""Findings about a VM that does not run."""

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import RunState, VmFacts
from tests.unit.app.diagnosis.picture.facts import picture


def test_a_recording_of_a_stopped_vm_names_no_process() -> None:
    (found,) = diagnose(picture(vm=VmFacts(0, None, RunState.STOPPED, "state T")))
    assert (found.evidence, found.remedy) == ("a recorded VM; state T", "Let it go on: kill -CONT PID")


def test_the_libvirt_of_a_users_own_vm_is_the_users() -> None:
    for own, uri in ((True, "qemu:///session"), (False, "qemu:///system")):
        (found,) = diagnose(picture(vm=VmFacts(7, "guest", RunState.PAUSED, own=own)))
        assert f"virsh -c {uri} resume guest;" in found.remedy
