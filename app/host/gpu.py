"""The GPUs of this host: those that can draw, those that export the pictures of vGPUs, and which of them is used."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.host.drivers import KnownDisplay, known_display
from app.host.paths import HOST, Paths, text_of
from app.host.vgpu import Vgpu
from app.qemu.pci_address import full_address


@dataclass(frozen=True, slots=True)
class RenderNode:
    """A render node in /dev/dri. ``address`` is the name of its GPU in sysfs; for a PCI device it is the PCI address.

    ``driver``, ``vendor`` and ``product`` are None if sysfs does not have them. ``cards`` are the names of the GPU's
    primary nodes (``card0``).
    """

    node: Path
    address: str
    driver: str | None
    vendor: str | None
    product: str | None
    cards: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = ", ".join(each for each in (self.driver, self.address) if each)
        return f"{self.node} ({about})" if about else str(self.node)


@dataclass(frozen=True, slots=True)
class GpuChoice:
    """Which GPU imports the guest's buffers: ``named`` by the user, or None to leave it to :func:`choose_node`."""

    named: RenderNode | None = None


AUTO = GpuChoice()


def choose_node(choice: GpuChoice, exporter: RenderNode | None, nodes: Sequence[RenderNode]) -> RenderNode | None:
    """The GPU that should import the buffers of ``exporter``; None leaves it to EGL, or to the window.

    Only the GPU that exports a dma-buf can certainly import it. ``nodes`` are those of this host: in a container the
    exporter's may be missing.
    """
    if choice.named is not None:
        return choice.named
    return exporter if exporter is not None and exporter.node in {each.node for each in nodes} else None


def find_gpu(name: str, nodes: Sequence[RenderNode]) -> RenderNode:
    """The GPU that a user names: by a render node or a primary node, as a path or without its folder, or by its PCI
    address. Raises ValueError, whose message lists the nodes.
    """
    short = name.removeprefix("/dev/dri/")
    for each in nodes:
        # lspci leaves out the domain where there is only one.
        if name == str(each.node) or short in (each.node.name, *each.cards) or full_address(short) == each.address:
            return each
    known = f"there are {', '.join(map(str, nodes))}" if nodes else "this host has no render node"
    raise ValueError(f"there is no GPU {name!r}; {known}")


def parse_gpu(text: str, paths: Paths = HOST) -> GpuChoice:
    """``auto``, the name of a GPU as for :func:`find_gpu`, or a link to its node. Raises ValueError."""
    if text == "auto":
        return AUTO
    # udev makes links: /dev/dri/by-path/pci-0000:00:02.0-render.
    name = os.path.realpath(text) if text.startswith("/") else text
    return GpuChoice(find_gpu(name, render_nodes(paths)))


def render_nodes(paths: Paths = HOST) -> tuple[RenderNode, ...]:
    """All render nodes, sorted by name."""
    return tuple(_render_node(node, paths) for node in sorted((paths.dev / "dri").glob("renderD*")))


def _render_node(node: Path, paths: Paths) -> RenderNode:
    device = paths.sys / "class/drm" / node.name / "device"
    driver = (device / "driver").resolve().name if (device / "driver").exists() else None
    return RenderNode(
        node,
        device.resolve().name,
        driver,
        text_of(device / "vendor") or None,
        text_of(device / "device"),
        tuple(sorted(each.name for each in (device / "drm").glob("card[0-9]*"))),
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


def exporting_gpu(vgpu: Vgpu | None, paths: Paths = HOST) -> RenderNode | None:
    """The GPU that exports the dma-bufs of a vGPU, None if they are in the host's memory or that is not known."""
    for address in exporting_gpus([vgpu] if vgpu is not None else [], paths):
        for each in sorted((paths.sys / "bus/pci/devices" / address).glob("drm/renderD*")):
            return _render_node(paths.dev / "dri" / each.name, paths)
    return None
