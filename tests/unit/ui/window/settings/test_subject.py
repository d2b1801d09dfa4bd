"""Under which name a window's settings are kept."""

from hypothesis import given
from hypothesis import strategies as st

from app.host.vgpu import Vgpu
from app.host.vm import Vm
from ui.window.settings.settings_text import GENERAL, SettingsFile, file_text, parse_file
from ui.window.settings.subject import subject_of

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


def vm(name: str | None, *arguments: str) -> Vm:
    return Vm(4711, "qemu", name, ("qemu", *arguments))


def test_a_vm_is_known_by_its_uuid_then_its_name_and_else_its_vgpu_is() -> None:
    vgpu = Vgpu(UUID)
    assert subject_of(vm("win10", "-uuid", "1234"), vgpu) == "VM 1234"
    assert subject_of(vm("win10"), vgpu) == "VM name win10"
    assert subject_of(vm(None), vgpu) == subject_of(None, vgpu) == f"vGPU {UUID}"
    assert subject_of(None, Vgpu("sim:gvt,fps=3", simulated=True)) == "simulated"
    assert subject_of(None, None) == ""


@given(st.text(min_size=1, max_size=300))
def test_any_name_is_a_section_of_its_own(name: str) -> None:
    subject = subject_of(vm(name), Vgpu(UUID))
    assert subject not in ("", GENERAL)
    file, ignored = parse_file(file_text(SettingsFile({}, {subject: {"flip_x": True}})))
    assert file.subjects == {subject: {"flip_x": True}} and not ignored


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_two_names_are_two_sections(one: str, other: str) -> None:
    assert (subject_of(vm(one), None) == subject_of(vm(other), None)) == (one == other)
