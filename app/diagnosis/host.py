"""What this host has and lacks for vGPUs: kernel, device nodes, permissions. Reads only; opens no device."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.attach.helper_installation import INSTALLED
from app.attach.helper_installation import HelperInstallation as Setup
from app.diagnosis import rights
from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.discovery import discover
from app.host.drivers import KnownDisplay, known_display
from app.host.modules import Presence, presence
from app.host.paths import HOST, Paths, text_of
from app.host.scan import HostScan
from app.host.vgpu import Use, Vgpu

_THERE = (Presence.LOADED, Presence.BUILT_IN)


def examine(paths: Paths = HOST, setup: Setup = INSTALLED) -> list[Finding]:
    """Every finding about the host, in the order in which things depend on each other."""
    vgpus = discover(HostScan.take(paths))
    return [
        Finding("kernel", Severity.INFO, f"Linux {os.uname().release}", os.uname().version),
        *_modules(paths),
        *_container_nodes(paths),
        *_parents(paths),
        *_vgpus(vgpus, paths, setup),
        *rights.examine(paths, setup),
        _udmabuf(paths),
        *_cards(vgpus, paths),
    ]


def _modules(paths: Paths) -> Iterator[Finding]:
    state = {name: presence(name, paths) for name in ("vfio", "mdev", "vfio_iommu_type1", "iommufd")}
    evidence = ", ".join(f"{name}: {each.value}" for name, each in state.items())
    # The class is there as well where nothing tells a kernel's built-in modules.
    there = state["vfio"] in _THERE or (paths.sys / "class/vfio").exists()
    if there:
        yield Finding("vfio", Severity.OK, "VFIO is there", evidence)
    elif state["vfio"] is Presence.ABSENT:
        yield Finding(
            "vfio",
            Severity.WARNING,
            "this kernel has no VFIO: only simulated vGPUs can be shown",
            evidence,
            "run a kernel with CONFIG_VFIO and CONFIG_VFIO_MDEV (cloud kernels lack them)",
        )
    else:
        yield Finding("vfio", Severity.INFO, "VFIO is not loaded", evidence, "sudo modprobe -a vfio mdev")
    if there and state["mdev"] is Presence.ABSENT:
        yield Finding(
            "mdev",
            Severity.WARNING,
            "this kernel has no mediated devices: only vendor VFIO devices can be shown",
            evidence,
            "run a kernel with CONFIG_VFIO_MDEV",
        )
    if there and not {state["vfio_iommu_type1"], state["iommufd"]} & {*_THERE, Presence.UNKNOWN}:
        yield Finding(
            "vfio-iommu",
            Severity.WARNING,
            "VFIO has neither an IOMMU driver nor iommufd: no device can be opened",
            evidence,
            "sudo modprobe vfio_iommu_type1",
        )


def _container_nodes(paths: Paths) -> Iterator[Finding]:
    """The nodes that every open of its way needs, whatever the vGPU."""
    for key, node, way in (
        ("vfio-container", paths.dev / "vfio/vfio", "IOMMU group"),
        ("iommufd", paths.dev / "iommu", "cdev"),
    ):
        if not permissions.there(node):
            yield Finding(key, Severity.INFO, f"no {node}: vGPUs cannot be opened by {way}")
        elif os.access(node, os.R_OK | os.W_OK):
            yield Finding(key, Severity.OK, f"{node} can be opened", permissions.owners(node))
        else:
            yield Finding(
                key,
                Severity.WARNING,
                f"{node} cannot be opened: nor can vGPUs by {way}",
                permissions.owners(node),
                permissions.remedy(node),
            )


def _parents(paths: Paths) -> Iterator[Finding]:
    """Devices on which mdevs can be created."""
    folder = paths.sys / "class/mdev_bus"
    parents = sorted(folder.iterdir()) if folder.is_dir() else []
    for parent in parents:
        kinds = parent / "mdev_supported_types"
        free = (
            {each.name: text_of(each / "available_instances") for each in sorted(kinds.iterdir())}
            if kinds.is_dir()
            else {}
        )
        evidence = ", ".join(f"{name}: {count} free" for name, count in free.items())
        yield Finding("mdev-parent", Severity.OK, f"{parent.name} makes vGPUs of {len(free)} types", evidence)
    if not parents:
        yield Finding(
            "mdev-parent",
            Severity.INFO,
            "no device of this host makes mediated devices",
            f"{folder} is empty or missing",
            "Intel: boot with i915.enable_gvt=1 and load kvmgt; then create one with mdevctl",
        )


def _vgpus(vgpus: tuple[Vgpu, ...], paths: Paths, setup: Setup) -> Iterator[Finding]:
    if not vgpus:
        yield Finding("vgpu", Severity.INFO, "no vGPU on this host", "", "create one: mdevctl types, mdevctl start")
    for vgpu in vgpus:
        node = _node(vgpu, paths)
        about = f"{vgpu.name} ({vgpu.type_id or vgpu.driver})"
        if known_display(vgpu) is KnownDisplay.NONE:
            yield Finding("vgpu", Severity.INFO, f"{about} has no display")
        elif vgpu.use is Use.IN_USE:
            yield rights.in_use(vgpu.name, about, vgpu.holders, paths, setup)
        elif node is None:
            yield Finding(
                "vgpu",
                Severity.ERROR,
                f"{about} has no device node",
                f"IOMMU group {vgpu.iommu_group}, cdev {vgpu.cdev}",
                "is it bound to its VFIO driver? is udev, or devtmpfs, there?",
            )
        elif os.access(node, os.R_OK | os.W_OK):
            yield Finding("vgpu", Severity.OK, f"{about} can be opened", f"{node} {permissions.owners(node)}")
        else:
            yield Finding(
                "vgpu",
                Severity.ERROR,
                f"{about} cannot be opened: permission denied",
                f"{node} {permissions.owners(node)}",
                permissions.remedy(node),
            )


def _node(vgpu: Vgpu, paths: Paths) -> Path | None:
    """The node an open would use, the one this user may open where there are two."""
    nodes = [paths.dev / "vfio/devices" / vgpu.cdev] if vgpu.cdev else []
    nodes += [paths.dev / "vfio" / str(vgpu.iommu_group)] if vgpu.iommu_group is not None else []
    nodes = [each for each in nodes if permissions.there(each)]
    usable = [each for each in nodes if os.access(each, os.R_OK | os.W_OK)]
    return next(iter(usable or nodes), None)


def _udmabuf(paths: Paths) -> Finding:
    node = paths.dev / "udmabuf"
    if not node.exists():
        return Finding(
            "udmabuf",
            Severity.INFO,
            f"no {node}: simulated vGPUs use memfds, which only software renderers import",
            f"module udmabuf: {presence('udmabuf', paths).value}",
            "sudo modprobe udmabuf",
        )
    if os.access(node, os.R_OK | os.W_OK):
        return Finding(
            "udmabuf", Severity.OK, "simulated vGPUs have real dma-bufs", f"{node} {permissions.owners(node)}"
        )
    return Finding(
        "udmabuf",
        Severity.INFO,
        f"{node} cannot be opened: simulated vGPUs use memfds, which only software renderers import",
        permissions.owners(node),
        permissions.remedy(node),
    )


def _cards(vgpus: tuple[Vgpu, ...], paths: Paths) -> Iterator[Finding]:
    """The GPUs of the host, and whether they are those the vGPUs live on: only the exporter is sure to import."""
    parents = {each.parent for each in vgpus}
    folder = paths.dev / "dri"
    nodes = sorted(folder.glob("renderD*")) if folder.is_dir() else []
    for node in nodes:
        device = paths.sys / "class/drm" / node.name / "device"
        driver = (device / "driver").resolve().name if (device / "driver").exists() else "unknown driver"
        vendor, product = text_of(device / "vendor"), text_of(device / "device")
        address = device.resolve().name
        evidence = f"{address} {vendor}:{product}, {permissions.owners(node)}" if vendor else permissions.owners(node)
        message = f"{node} is driven by {driver}" + (", parent of vGPUs here" if address in parents else "")
        if os.access(node, os.R_OK | os.W_OK):
            yield Finding("render-node", Severity.OK, message, evidence)
        else:
            yield Finding(
                "render-node", Severity.WARNING, f"{message} and cannot be opened", evidence, permissions.remedy(node)
            )
    if not nodes:
        yield Finding(
            "render-node", Severity.INFO, "no GPU to draw with: the CPU draws", f"{folder}/renderD* is missing"
        )


def wrong_gpu(render_node: str, paths: Paths = HOST) -> Finding | None:
    """Whether another GPU than the one that ``render_node`` belongs to exports the dma-bufs of a vGPU here."""
    drawing = (paths.sys / "class/drm" / Path(render_node).name / "device").resolve().name
    exporting = {
        each.parent
        for each in discover(HostScan.take(paths))
        if known_display(each) is KnownDisplay.DMABUF
        # A sample driver's parent is no GPU: its memory is the host's, and any GPU may import it.
        and each.parent is not None
        and any((paths.sys / "bus/pci/devices" / each.parent).glob("drm/renderD*"))
    }
    if not exporting or drawing in exporting:
        return None
    address = sorted(exporting)[0]
    return Finding(
        "wrong-gpu",
        Severity.WARNING,
        "the GPU that draws is not the one whose vGPUs are to be shown: imports may fail or come out black",
        f"drawing: {drawing}; exporting: {', '.join(sorted(exporting))}",
        f"draw on the exporting one: DRI_PRIME=pci-{address.replace(':', '_').replace('.', '_')}",
    )
