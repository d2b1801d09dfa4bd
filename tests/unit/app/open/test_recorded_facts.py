"""Facts that a capture writes: no name of a VM or a user, and nothing but plain values comes back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState, VmFacts
from app.host.vgpu import Holder, Vgpu, Way
from app.host.vm import Vm
from app.open.recorded_facts import host_document, host_facts_of, redaction, vgpu_document, vgpu_of

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_VM = VmFacts(4711, "secret-vm", RunState.PAUSED, "query-status: paused", 12.5, True, False, "off", "VGA")


def test_the_facts_come_back_without_names() -> None:
    lines = ("gvt: failsafe", "vmiop_log: secret-vm lost")
    facts = HostFacts(_VM, ExporterFacts("0000:00:02.0", "i915", "renderD128"), lines, "EPERM")
    text = json.dumps(host_document(facts, redaction(None, Vm(4711, "qemu", "secret-vm", ()))))
    assert "secret-vm" not in text and "4711" not in text
    read = host_facts_of(json.loads(text))
    assert (read.exporter, read.kernel_log_refused) == (facts.exporter, facts.kernel_log_refused)
    assert read.kernel_lines == ("gvt: failsafe", "vmiop_log: [VM name 1] lost")
    assert read.vm is not None
    assert (read.vm.name, read.vm.state, read.vm.age_s, read.vm.opregion) == (None, RunState.PAUSED, 12.5, True)


def test_a_vgpu_comes_back_without_the_processes_that_have_it() -> None:
    holder = Holder(4711, "qemu", 7, "secret-vm", Way.GROUP, 1000)
    vgpu = Vgpu("u", "u", "t", "T", "p", "d", "m", 3, "vfio0", (holder,), gvt_id=1)
    text = json.dumps(vgpu_document(vgpu))
    assert "secret-vm" not in text and "qemu" not in text
    assert vgpu_of(json.loads(text)) == Vgpu("u", "u", "t", "T", "p", "d", "m", 3, unseen=True, gvt_id=1)


@given(st.dictionaries(st.sampled_from(["vm", "exporter", "kernel_lines", "kernel_log_refused"]), _JSON))
def test_any_json_becomes_facts(document: dict[str, object]) -> None:
    assert isinstance(host_facts_of(document), HostFacts)


@given(st.dictionaries(st.sampled_from(["name", "type_id", "gvt_id", "iommu_group", "driver"]), _JSON))
def test_any_json_becomes_a_vgpu(document: dict[str, object]) -> None:
    vgpu = vgpu_of(document)
    assert vgpu is not None and vgpu.name
    assert vgpu.simulated is False
