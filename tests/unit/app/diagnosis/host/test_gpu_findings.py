"""Whether this user may use the GPUs, and whether the right one draws."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.diagnosis.finding import Severity
from app.diagnosis.host.gpu_findings import wrong_gpu
from app.host.discovery import discover
from app.host.gpu import address_of, exporting_gpus
from tests.unit.app.diagnosis.host.examination import examine
from tests.unit.hosts import Host
from tests.unit.known_hosts import two_gpus


@pytest.fixture
def laptop(host: Host) -> Host:
    two_gpus.lay_out(host)
    return host


def test_drawing_on_another_gpu_than_the_exporter(laptop: Host) -> None:
    exporting = exporting_gpus(discover(laptop.scan()), laptop.paths)
    assert wrong_gpu(address_of("/dev/dri/renderD128", laptop.paths), exporting) is None
    finding = wrong_gpu(address_of("/dev/dri/renderD129", laptop.paths), exporting)
    assert finding is not None
    assert "--gpu 0000:00:02.0" in finding.remedy
    assert finding.remedy.endswith("DRI_PRIME=pci-0000_00_02_0")


def test_an_exporter_that_egl_cannot_use_needs_a_driver_and_no_option(laptop: Host) -> None:
    exporting = exporting_gpus(discover(laptop.scan()), laptop.paths)
    finding = wrong_gpu(two_gpus.NVIDIA, exporting, "EGL cannot draw on it")
    assert finding is not None
    assert finding.evidence == "drawing: 0000:01:00.0; exporting: 0000:00:02.0; EGL cannot draw on it"
    assert (
        "install the driver" in finding.remedy and "DRI_PRIME" not in finding.remedy and "--gpu" not in finding.remedy
    )


def test_doctor_on_a_laptop_with_two_gpus(laptop: Host) -> None:
    findings = examine(laptop)
    intel, nvidia = (each for each in findings if each.key == "render-node")
    assert (intel.severity, nvidia.severity) == (Severity.OK, Severity.OK)
    assert "parent of vGPUs here: commands without a window draw on it" in intel.message
    assert nvidia.message.endswith("renderD129 is driven by nvidia")
    (no_vgpus,) = (each for each in findings if each.key == "gpu-without-vgpus")
    assert (no_vgpus.severity, no_vgpus.remedy) == (Severity.INFO, "")


def test_nothing_draws_on_an_exporter_that_this_user_may_not_open(
    laptop: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.access

    def access(path: Any, mode: int) -> bool:
        return not Path(path).name.startswith("renderD") and really(path, mode)

    monkeypatch.setattr(os, "access", access)
    intel, _ = (each for each in examine(laptop) if each.key == "render-node")
    assert intel.severity is Severity.WARNING
    assert intel.message.endswith("driven by i915, parent of vGPUs here and cannot be opened")
