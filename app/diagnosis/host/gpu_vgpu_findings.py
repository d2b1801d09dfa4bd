"""Findings about GPUs that make no vGPUs: what is missing, and the command that would make one. Pure."""

from collections.abc import Iterator

from app.diagnosis.finding import Finding, Severity
from app.host.gpu_hardware import AMD, INTEL, NVIDIA, GpuHardware, VgpuConditions
from app.host.modules import ModuleState
from app.host.nvidia import no_type_remedy, type_remedy

KEY = "gpu-without-vgpus"

# The GPUs that is_supported_device() in drivers/gpu/drm/i915/intel_gvt.c names: Broadwell, Skylake, Kaby Lake, Broxton,
# Coffee Lake, Comet Lake. The numbers are those of include/drm/intel/pciids.h (high bytes, then single ones).
_GVT_SERIES = {0x16: "Broadwell", 0x19: "Skylake", 0x59: "Kaby Lake", 0x3E: "Coffee Lake", 0x9B: "Comet Lake"}
_GVT_DEVICES = {
    **dict.fromkeys((0x0A84, 0x1A84, 0x1A85, 0x5A84, 0x5A85), "Broxton"),
    0x87C0: "Kaby Lake",
    0x87CA: "Coffee Lake",
}
# Gen 2 to 7.5, and the small cores up to Cherry View; the rest is newer.
_OLD_SERIES = (*range(0x10), 0x11, 0x22, 0x25, 0x27, 0x29, 0x2A, 0x2E, 0x35, 0x71, 0xA0)
# The least aperture with room for the host's part and one vGPU of the smallest type (64 MiB each; vgpu_types in
# drivers/gpu/drm/i915/gvt/vgpu.c, HOST_LOW_GM_SIZE in aperture_gm.c is 128 MiB).
_LEAST_APERTURE = 256 << 20
_SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
_READY = (ModuleState.LOADED, ModuleState.BUILT_IN)


def gpu_vgpu_findings(conditions: VgpuConditions) -> Iterator[Finding]:
    """One finding for each GPU that makes no vGPUs now, or has functions that are none yet."""
    for gpu in conditions.gpus:
        if not gpu.makes_vgpus:
            yield _of_gpu(gpu, conditions)
        elif gpu.lacks_type:
            yield _without_type(gpu)
    ready = [each for each in ("mbochs", "mdpy") if conditions.modules.get(each) is ModuleState.AVAILABLE]
    if ready:
        yield Finding(
            "sample-drivers",
            Severity.INFO,
            "the kernel's sample drivers make vGPUs without a GPU, but they are not loaded",
            ", ".join(f"{each}: {conditions.modules[each].value}" for each in ready),
            f"sudo modprobe -a {' '.join(ready)}",
        )


def _of_gpu(gpu: GpuHardware, conditions: VgpuConditions) -> Finding:
    if gpu.vendor == INTEL:
        return _intel(gpu, conditions)
    if gpu.vendor == NVIDIA:
        return _nvidia(gpu, conditions)
    if gpu.vendor == AMD:
        message = "AMD's drivers make no vGPUs with a display that the host can read"
        message += f": {_functions(gpu)} have no display that VFIO could query" if gpu.functions else ""
        return Finding(KEY, Severity.INFO, f"{gpu.address}: {message}", _evidence(gpu), _NO_WAY)
    return Finding(KEY, Severity.INFO, f"{gpu.address}: no driver is known to make vGPUs of it", _evidence(gpu))


_NO_WAY = "give the VM a virtio-gpu and use its own display, or pass the whole GPU through"


def gvt_name(device: int) -> str | None:
    """The name of the GPU series if GVT-g supports it. ``device`` is the PCI device number."""
    return _GVT_DEVICES.get(device) or _GVT_SERIES.get(device >> 8)


def _intel(gpu: GpuHardware, conditions: VgpuConditions) -> Finding:
    series = gvt_name(gpu.device)
    if series is None:
        old = gpu.device >> 8 in _OLD_SERIES
        why = (
            "it is older than Broadwell"
            if old
            else f"GVT-g ends with Comet Lake; {_functions(gpu)} have no display that VFIO could query"
        )
        message = f"{gpu.address}: this Intel GPU has no GVT-g: {why}"
        return Finding(KEY, Severity.INFO, message, _evidence(gpu), _NO_WAY)
    steps = list(_intel_steps(gpu, conditions))
    state = conditions.modules.get("kvmgt", ModuleState.UNKNOWN)
    evidence = "; ".join(
        (
            f"{_evidence(gpu)} ({series})",
            f"i915.enable_gvt: {conditions.enable_gvt or 'no such parameter'}",
            f"kvmgt: {state.value}",
            f"IOMMU: {'in use' if conditions.iommu else 'none'}",
            *((f"aperture: {gpu.aperture >> 20} MiB",) if gpu.aperture else ()),
        )
    )
    start = (
        f"sudo mdevctl start --uuid $(cat /proc/sys/kernel/random/uuid) --parent {gpu.address} "
        "--type TYPE, for a TYPE that 'mdevctl types' lists"
    )
    message = f"{gpu.address}: this Intel GPU has GVT-g, but makes no vGPUs"
    return Finding(KEY, Severity.WARNING, message, evidence, "; ".join((*steps, start)))


def _intel_steps(gpu: GpuHardware, conditions: VgpuConditions) -> Iterator[str]:
    if not conditions.iommu:
        yield "turn on VT-d in the BIOS and boot with intel_iommu=on (advised)"
    if gpu.aperture is not None and gpu.aperture < _LEAST_APERTURE:
        yield "raise the aperture size of the GPU in the BIOS to 256 MB or more"
    if gpu.driver not in ("i915", None):
        yield f"give the GPU to the driver i915 instead of {gpu.driver}"
    if conditions.enable_gvt != "Y":
        in_vain = "i915.enable_gvt=1" in conditions.command_line.split()
        yield (
            "see 'sudo dmesg | grep -i gvt': the kernel refused i915.enable_gvt=1"
            if in_vain and conditions.enable_gvt is not None
            else "boot with i915.enable_gvt=1"
        )
    match conditions.modules.get("kvmgt", ModuleState.UNKNOWN):
        case ModuleState.ABSENT:
            yield "run a kernel with CONFIG_DRM_I915_GVT_KVMGT"
        case ModuleState.AVAILABLE | ModuleState.UNKNOWN:
            yield "sudo modprobe kvmgt"


def _functions(gpu: GpuHardware) -> str:
    """``its 7 SR-IOV functions``, or those that such GPUs have."""
    return f"its {gpu.functions} SR-IOV functions" if gpu.functions else "the SR-IOV functions of newer GPUs"


def _nvidia(gpu: GpuHardware, conditions: VgpuConditions) -> Finding:
    modules = {each: conditions.modules.get(each, ModuleState.UNKNOWN) for each in ("nvidia", "nvidia_vgpu_vfio")}
    evidence = "; ".join(
        (
            _evidence(gpu),
            *(f"{name}: {state.value}" for name, state in modules.items()),
            f"SR-IOV functions: {gpu.functions} of {gpu.most_functions}",
            f"IOMMU: {'in use' if conditions.iommu else 'none'}",
        )
    )
    message = f"{gpu.address}: this NVIDIA GPU makes no vGPUs"
    has_manager = modules["nvidia_vgpu_vfio"] in _READY
    makers = [each.address for each in conditions.gpus if each.makes_vgpus]
    if makers and not gpu.most_functions:
        # Most likely a GeForce in a laptop, for which NVIDIA has no vGPUs.
        return Finding(KEY, Severity.INFO, f"{message}, {makers[0]} does", evidence)
    if not (has_manager or gpu.most_functions):
        return Finding(
            KEY,
            Severity.INFO,
            f"{message}: only GPUs for data centres and some RTX and Quadro ones can, GeForce ones cannot",
            evidence,
            "if NVIDIA lists it as supported (docs.nvidia.com/vgpu), install NVIDIA's vGPU Manager, the licensed host "
            f"driver with nvidia-vgpu-vfio; else {_NO_WAY}",
        )
    steps = []
    if not conditions.iommu:
        steps.append("turn on VT-d or AMD-Vi in the BIOS (Intel: boot with intel_iommu=on)")
    if not has_manager:
        steps.append(
            "install NVIDIA's vGPU Manager, the licensed host driver with nvidia-vgpu-vfio; "
            "the driver for desktops, nouveau and nova make no vGPUs"
        )
    if gpu.most_functions and not gpu.functions:
        steps.append(f"turn on SR-IOV in the BIOS, then: sudo {_SRIOV_MANAGE} -e {gpu.address}")
    if not steps:
        if gpu.functions:
            # Functions that were made by a write to sriov_numvfs do not get NVIDIA's driver.
            again = f"sudo {_SRIOV_MANAGE} -d {gpu.address} && sudo {_SRIOV_MANAGE} -e {gpu.address}"
            steps.append(f"give its functions NVIDIA's driver: {again}")
        steps.append("see 'journalctl -t nvidia-vgpu-mgr' and 'nvidia-smi vgpu -s': this GPU may have no vGPU types")
    return Finding(KEY, Severity.WARNING, message, evidence, "; ".join(steps))


def _without_type(gpu: GpuHardware) -> Finding:
    """The functions are there, and NVIDIA's driver offers types, but none was chosen."""
    evidence = f"{_evidence(gpu)}; SR-IOV functions: {gpu.functions} of {gpu.most_functions}"
    message = f"{gpu.address}: no SR-IOV function of this NVIDIA GPU has a vGPU type"
    if gpu.creatable is not None:
        return Finding(KEY, Severity.WARNING, message, evidence, type_remedy(gpu.creatable))
    message += ", and none can be given one now"
    return Finding(KEY, Severity.WARNING, message, evidence, no_type_remedy(gpu.address))


def _evidence(gpu: GpuHardware) -> str:
    return f"{gpu.vendor:04x}:{gpu.device:04x}, driver {gpu.driver or 'none'}"
