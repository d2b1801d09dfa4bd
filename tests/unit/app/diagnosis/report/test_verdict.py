"""Doctor's order and its verdict."""

import pytest

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.report.verdict import has_failed, ranked, verdict, vgpus_first

FREE = Finding("vgpu", Severity.OK, "u (mbochs) can be opened")
TAKEN = Finding("vgpu", Severity.INFO, "u is in use", "", "'mdevview view u' attaches to it")
HELD = Finding(
    "vgpu", Severity.INFO, "u is in use", "", "you have no permission to attach to it: install root's helper"
)
CLOSED = Finding("vgpu", Severity.ERROR, "u cannot be opened: permission denied")
NO_EGL = Finding("egl", Severity.ERROR, "no EGL context without a window: screenshot and inspect cannot work")
SOFTWARE = Finding("egl", Severity.WARNING, "EGL draws with the CPU: llvmpipe")
OTHER_GPU = Finding("wrong-gpu", Severity.WARNING, "The GPU that draws is another one")
DOM0, DRIVERS = Finding("xen", Severity.OK, "dom0"), Finding("xen-modules", Severity.OK, "there")
INTEL = Finding("gpu-without-vgpus", Severity.WARNING, "0000:00:02.0: this Intel GPU has GVT-g, but makes no vGPUs")


@pytest.mark.parametrize(
    ("findings", "vgpus", "expected"),
    [
        ([FREE], 1, "mdevview can show 1 vGPU of this host."),
        ([FREE, TAKEN], 2, "mdevview can show 2 vGPUs of this host."),
        ([FREE, HELD], 2, "mdevview can show 1 of 2 vGPUs of this host."),
        ([FREE, SOFTWARE], 1, "mdevview can show 1 vGPU of this host, but EGL draws with the CPU: llvmpipe."),
        ([FREE, OTHER_GPU], 1, "mdevview can show 1 vGPU of this host, but the GPU that draws is another one."),
        ([CLOSED], 1, "mdevview cannot show the vGPU of this host: u cannot be opened: permission denied."),
        ([HELD], 1, "mdevview cannot show the vGPU of this host: u is in use."),
        ([FREE, NO_EGL], 1, f"mdevview cannot show its vGPUs here, because {NO_EGL.message}."),
        ([NO_EGL], 0, f"mdevview cannot show any screen here, because {NO_EGL.message}."),
        (
            [],
            0,
            "mdevview can show simulated vGPUs only, because this host has no vGPU and no VM with a D-Bus display.",
        ),
        (
            [INTEL],
            0,
            f"mdevview can show simulated vGPUs only, because this host has no vGPU ({INTEL.message}) and no VM with "
            "a D-Bus display.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(findings: list[Finding], vgpus: int, expected: str) -> None:
    assert verdict(findings, vgpus) == expected


@pytest.mark.parametrize(
    ("findings", "vgpus", "displays", "expected"),
    [
        ([FREE], 1, 1, "mdevview can show 1 vGPU of this host, and 1 VM with a D-Bus display."),
        ([HELD], 1, 2, "mdevview can show 2 VMs with a D-Bus display, but not the vGPU of this host: u is in use."),
        ([], 0, 3, "mdevview can show 3 VMs with a D-Bus display; this host has no vGPU."),
        ([NO_EGL], 0, 3, f"mdevview cannot show any screen here, because {NO_EGL.message}."),
        ([DOM0, DRIVERS], 0, 0, "mdevview can show guests of Xen with a vdispl; this host has no vGPU."),
        (
            [FREE, DOM0, DRIVERS],
            1,
            1,
            "mdevview can show 1 vGPU of this host, and 1 VM with a D-Bus display and guests of Xen with a vdispl.",
        ),
    ],
)
def test_the_verdict_names_the_vms_with_a_dbus_display_and_the_guests_of_xen(
    findings: list[Finding], vgpus: int, displays: int, expected: str
) -> None:
    assert verdict(findings, vgpus, displays) == expected


def test_problems_come_first_in_their_own_order() -> None:
    findings = [FREE, SOFTWARE, TAKEN, NO_EGL, OTHER_GPU, CLOSED]
    assert ranked(findings) == [NO_EGL, CLOSED, SOFTWARE, OTHER_GPU, TAKEN, FREE]
    assert has_failed(findings) and not has_failed([FREE, SOFTWARE])


def test_who_asks_why_there_is_no_vgpu_reads_that_first() -> None:
    none = Finding("vgpu", Severity.INFO, "no vGPU on this host")
    assert vgpus_first([none, SOFTWARE, FREE, NO_EGL, INTEL]) == [NO_EGL, INTEL, none, SOFTWARE, FREE]
