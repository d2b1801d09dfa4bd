"""Findings about hosts that lack one thing or another."""

import pytest

from app.diagnosis.finding import Severity
from tests.unit.app.diagnosis.host.examination import examine, finding_of
from tests.unit.hosts import DEVICE_FD, Host, close_folder, qemu
from tests.unit.known_hosts.nvidia_sriov import lay_out


def test_host_without_anything_is_no_error(host: Host) -> None:
    findings = examine(host)
    assert Severity.ERROR not in {each.severity for each in findings}
    assert {"vfio", "mdev-parent", "vgpu", "udmabuf", "render-node"} <= {each.key for each in findings}


def test_closed_folder_of_nodes_is_a_finding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    close_folder(monkeypatch, host.paths.dev / "vfio")
    assert "cannot be opened" in finding_of(host, "vfio-container").message


def test_host_with_nvidias_functions_hears_nothing_of_intel(host: Host) -> None:
    lay_out(host)
    findings = examine(host)
    said = " ".join(f"{each.message} {each.remedy}" for each in findings).lower()
    assert not [each for each in ("gvt", "i915", "intel", "mdevctl", "mediated") if each in said]
    vgpus = [each for each in findings if each.key == "vgpu"]
    assert ["0000:41:00.4" in vgpus[0].message, "is in use" in vgpus[0].message] == [True, True]
    assert all("by a VM of yours; its driver opens it for nothing else" in each.message for each in vgpus[1:])
    assert not [each for each in findings if each.key == "gpu-without-vgpus" and "NVIDIA" in each.message]


def test_functions_of_intel_gpus_have_no_display_and_no_type_to_choose(host: Host) -> None:
    host.gpu("0000:00:02.0", 0x8086, 0x4680, "xe", sriov_totalvfs="7", sriov_numvfs="2")
    for number, driver in ((1, "vfio-pci"), (2, "xe-vfio-pci")):
        host.pci(f"0000:00:02.{number}", driver, 10 + number, physfn="0000:00:02.0")
        files = {20: f"/dev/vfio/{10 + number}", 21: DEVICE_FD}
        host.process(50 + number, "qemu-system-x86", qemu(f"vm{number}"), files)
    findings = examine(host)
    functions = [each for each in findings if each.key == "vgpu"]
    assert len(functions) == 2
    for each in functions:
        assert "has no display" in each.message
        assert each.remedy.startswith("SR-IOV functions have no display that VFIO could query")
    gpu = next(each for each in findings if each.key == "gpu-without-vgpus")
    assert "its 2 SR-IOV functions have no display" in gpu.message
