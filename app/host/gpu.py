"""The GPUs of this host: those that can draw, and those that export the pictures of vGPUs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.host.drivers import KnownDisplay, known_display
from app.host.paths import HOST, Paths, text_of
from app.host.vgpu import Vgpu


@dataclass(frozen=True, slots=True)
class RenderNode:
    """A render node in /dev/dri. ``address`` is the name of its GPU in sysfs; for a PCI device it is the PCI address.

    ``driver``, ``vendor`` and ``product`` are None if sysfs does not have them.
    """

    node: Path
    address: str
    driver: str | None
    vendor: str | None
    product: str | None


def render_nodes(paths: Paths = HOST) -> tuple[RenderNode, ...]:
    """All render nodes, sorted by name."""
    return tuple(_render_node(node, paths) for node in sorted((paths.dev / "dri").glob("renderD*")))


def _render_node(node: Path, paths: Paths) -> RenderNode:
    device = paths.sys / "class/drm" / node.name / "device"
    driver = (device / "driver").resolve().name if (device / "driver").exists() else None
    return RenderNode(
        node, device.resolve().name, driver, text_of(device / "vendor") or None, text_of(device / "device")
    )


def address_of(render_node: str, paths: Paths = HOST) -> str:
    """The name in sysfs of the GPU that a node (``/dev/dri/renderD128``) belongs to."""
    return (paths.sys / "class/drm" / Path(render_node).name / "device").resolve().name


def exporting_gpus(vgpus: Iterable[Vgpu], paths: Paths = HOST) -> tuple[str, ...]:
    """The addresses of the GPUs that export the dma-bufs of these vGPUs, sorted.

    The parent of a sample driver's vGPU is no GPU: its buffers are in the host's memory, and any GPU may import them.
    """
    return tuple(
        sorted(
            {
                each.parent
                for each in vgpus
                if known_display(each) is KnownDisplay.DMABUF
                and each.parent is not None
                and any((paths.sys / "bus/pci/devices" / each.parent).glob("drm/renderD*"))
            }
        )
    )


def exporting_gpu(vgpu: Vgpu, paths: Paths = HOST) -> RenderNode | None:
    """The GPU that exports the dma-bufs of a vGPU, None if they are in the host's memory or that is not known."""
    for address in exporting_gpus([vgpu], paths):
        for each in sorted((paths.sys / "bus/pci/devices" / address).glob("drm/renderD*")):
            return _render_node(paths.dev / "dri" / each.name, paths)
    return None
