"""Findings about the host: kernel, device nodes, vGPUs, GPUs, permissions. Opens no device."""

import os
from collections.abc import Iterator, Sequence

from app.attach.helper_installation import INSTALLED, HelperInstallation
from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.attach_findings import attach_findings, helper_usable
from app.diagnosis.host.gpu_findings import render_node_findings
from app.diagnosis.host.gpu_vgpu_findings import gpu_vgpu_findings
from app.diagnosis.host.kernel_findings import kernel_findings
from app.diagnosis.host.user_findings import user_findings
from app.diagnosis.host.vgpu_findings import vgpu_findings
from app.diagnosis.host.xen_findings import xen_findings
from app.host import permissions
from app.host.gpu import render_nodes
from app.host.gpu_hardware import vgpu_conditions
from app.host.modules import ModuleState, module_state
from app.host.nvidia import current_types
from app.host.paths import HOST, Paths, text_of
from app.host.ptrace import PtracePermission
from app.host.user_rights import UserRights, vfio_rules
from app.host.vgpu import Vgpu

_IN_KERNEL = (ModuleState.LOADED, ModuleState.BUILT_IN)


def host_findings(
    vgpus: Sequence[Vgpu], paths: Paths = HOST, installation: HelperInstallation = INSTALLED
) -> list[Finding]:
    """All findings about the host, each after those on which it depends. ``vgpus`` are all vGPUs of the host."""
    permission = PtracePermission.read(paths)
    conditions = vgpu_conditions(paths)
    return [
        Finding("kernel", Severity.INFO, f"Linux {os.uname().release}", os.uname().version),
        *_modules(paths),
        *kernel_findings(conditions, paths),
        *_shared_nodes(paths),
        *_parents(paths, has_functions=bool(current_types(paths))),
        *gpu_vgpu_findings(conditions),
        *vgpu_findings(vgpus, permission, helper_usable(installation), paths),
        *attach_findings(permission, installation),
        *user_findings(UserRights.read(), vfio_rules(), paths),
        _udmabuf(paths),
        *xen_findings(paths),
        *render_node_findings(render_nodes(paths), {each.parent for each in vgpus}, paths.dev / "dri"),
    ]


def _modules(paths: Paths) -> Iterator[Finding]:
    state = {name: module_state(name, paths) for name in ("vfio", "mdev", "vfio_iommu_type1", "iommufd")}
    evidence = ", ".join(f"{name}: {each.value}" for name, each in state.items())
    # Without depmod's lists a built-in module is not found, but its class is in sysfs.
    has_vfio = state["vfio"] in _IN_KERNEL or (paths.sys / "class/vfio").exists()
    if has_vfio:
        yield Finding("vfio", Severity.OK, "this kernel has VFIO", evidence)
    elif state["vfio"] is ModuleState.ABSENT:
        yield Finding(
            "vfio",
            Severity.WARNING,
            "this kernel has no VFIO: only simulated vGPUs can be shown",
            evidence,
            "run a kernel with CONFIG_VFIO and CONFIG_VFIO_MDEV (cloud kernels lack them)",
        )
    else:
        yield Finding("vfio", Severity.INFO, "VFIO is not loaded", evidence, "sudo modprobe -a vfio mdev")
    if has_vfio and state["mdev"] is ModuleState.ABSENT and not current_types(paths):
        yield Finding(
            "mdev",
            Severity.WARNING,
            "this kernel has no mediated devices: only vendor VFIO devices can be shown",
            evidence,
            "run a kernel with CONFIG_VFIO_MDEV",
        )
    if has_vfio and not {state["vfio_iommu_type1"], state["iommufd"]} & {*_IN_KERNEL, ModuleState.UNKNOWN}:
        yield Finding(
            "vfio-iommu",
            Severity.WARNING,
            "VFIO has neither an IOMMU driver nor iommufd: no device can be opened",
            evidence,
            "sudo modprobe -a vfio vfio_iommu_type1",
        )


def _shared_nodes(paths: Paths) -> Iterator[Finding]:
    """The nodes that are needed to open any vGPU: one for each way of opening."""
    for key, node, way in (
        ("vfio-container", paths.dev / "vfio/vfio", "IOMMU group"),
        ("iommufd", paths.dev / "iommu", "cdev"),
    ):
        if not permissions.exists(node):
            yield Finding(key, Severity.INFO, f"no {node}: vGPUs cannot be opened by {way}")
        elif os.access(node, os.R_OK | os.W_OK):
            yield Finding(key, Severity.OK, f"{node} can be opened", permissions.owner_and_mode(node))
        else:
            yield Finding(
                key,
                Severity.WARNING,
                f"{node} cannot be opened, so vGPUs cannot be opened by {way}",
                permissions.owner_and_mode(node),
                permissions.remedy(node),
            )


def _parents(paths: Paths, has_functions: bool) -> Iterator[Finding]:
    """The devices that can create mdevs. A host whose vGPUs are functions of NVIDIA GPUs needs none."""
    folder = paths.sys / "class/mdev_bus"
    parents = sorted(folder.iterdir()) if folder.is_dir() else []
    for parent in parents:
        types = sorted((parent / "mdev_supported_types").glob("*"))
        evidence = ", ".join(f"{each.name}: {text_of(each / 'available_instances')} free" for each in types)
        yield Finding(
            "mdev-parent",
            Severity.OK,
            f"{parent.name} makes vGPUs of {len(types)} type{'s' * (len(types) != 1)}",
            evidence,
        )
    if not parents and not has_functions:
        yield Finding(
            "mdev-parent",
            Severity.INFO,
            "no device of this host makes mediated devices",
            f"{folder} is empty or missing",
        )


def _udmabuf(paths: Paths) -> Finding:
    node = paths.dev / "udmabuf"
    if not node.exists():
        # CONFIG_UDMABUF is no module: it is in the kernel or it is not.
        device = paths.sys / "class/misc/udmabuf"
        return Finding(
            "udmabuf",
            Severity.INFO,
            f"no {node}: simulated vGPUs use memfds, which only software renderers import",
            f"{device} is {'there' if device.exists() else 'missing'}",
            f"let {node} into this container" if device.exists() else "run a kernel with CONFIG_UDMABUF",
        )
    if os.access(node, os.R_OK | os.W_OK):
        return Finding(
            "udmabuf", Severity.OK, "simulated vGPUs have real dma-bufs", f"{node} {permissions.owner_and_mode(node)}"
        )
    return Finding(
        "udmabuf",
        Severity.INFO,
        f"{node} cannot be opened: simulated vGPUs use memfds, which only software renderers import",
        permissions.owner_and_mode(node),
        permissions.remedy(node),
    )
