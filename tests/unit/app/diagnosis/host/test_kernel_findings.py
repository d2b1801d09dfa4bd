"""Findings about the kernel's options and its log."""

from app.diagnosis.finding import Severity
from app.diagnosis.host.kernel_findings import kernel_findings
from app.host.gpu_hardware import VgpuConditions
from tests.unit.hosts import Host


def test_options_that_matter_are_quoted(host: Host) -> None:
    conditions = VgpuConditions((), "Y", True, "root=UUID=1 quiet i915.enable_gvt=1 intel_iommu=on")
    options, iommu, log = kernel_findings(conditions, host.paths)
    assert options.evidence == "i915.enable_gvt=1 intel_iommu=on; i915.enable_gvt is Y"
    assert iommu.severity is Severity.OK
    assert (log.severity, "No such file" in log.evidence) == (Severity.INFO, True)


def test_the_kernels_own_words(host: Host) -> None:
    (host.paths.dev / "kmsg").write_bytes(b"3,1,1000,-;gvt: vgpu 1: bad\n6,2,1000,-;usb: fine\n")
    options, iommu, log = kernel_findings(VgpuConditions(), host.paths)
    assert options.evidence == "no option about GPUs, VFIO or IOMMUs"
    assert iommu.severity is Severity.INFO
    assert log.severity is Severity.WARNING and log.evidence.endswith("ago: gvt: vgpu 1: bad")
