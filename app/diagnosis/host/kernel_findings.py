"""Findings about the kernel's options and its log."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding, Severity
from app.host.device_messages import concerns
from app.host.gpu_hardware import VgpuConditions
from app.host.kernel_log import read_kernel_log
from app.host.log_line import LogRefused, log_line_text
from app.host.paths import HOST, Paths

_OPTIONS = ("i915.", "xe.", "nouveau.", "intel_iommu=", "amd_iommu=", "iommu", "vfio", "kvm", "module_blacklist=")
_MOST_LINES = 3
_ERROR = 3


def kernel_findings(conditions: VgpuConditions, paths: Paths = HOST) -> Iterator[Finding]:
    """The options that matter to vGPUs, whether the kernel uses an IOMMU, and its last messages about vGPUs."""
    options = [each for each in conditions.command_line.split() if each.startswith(_OPTIONS)]
    gvt = f"i915.enable_gvt is {conditions.enable_gvt}" if conditions.enable_gvt else ""
    evidence = "; ".join(each for each in (" ".join(options), gvt) if each) or "no option about GPUs, VFIO or IOMMUs"
    yield Finding("kernel-options", Severity.INFO, "kernel options", evidence)
    if conditions.iommu:
        yield Finding("iommu", Severity.OK, "the kernel uses an IOMMU", f"{paths.sys}/class/iommu")
    else:
        yield Finding(
            "iommu",
            Severity.INFO,
            "the kernel uses no IOMMU: NVIDIA's SR-IOV functions and devices that are passed through need one",
            f"{paths.sys}/class/iommu is empty",
            "turn on VT-d or AMD-Vi in the BIOS; on Intel boot with intel_iommu=on",
        )
    yield _log(paths)


def _log(paths: Paths) -> Finding:
    accept = concerns(None)
    try:
        lines = read_kernel_log(accept, _MOST_LINES, paths)
    except LogRefused as refused:
        reason, _, remedy = str(refused).partition("; ")
        message = "the kernel's messages cannot be read: findings cannot quote them"
        return Finding("kernel-log", Severity.INFO, message, reason, remedy)
    if not lines:
        return Finding("kernel-log", Severity.OK, "the kernel has no messages about vGPUs")
    severity = Severity.WARNING if any(each.level <= _ERROR for each in lines) else Severity.INFO
    return Finding(
        "kernel-log", severity, "the kernel's last messages about vGPUs", " | ".join(map(log_line_text, lines))
    )
