"""``mdevview inspect --buffers``: what identifies the buffers of a source, and who has the same ones open."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from app.host.same_buffers import same_buffers
from app.host.scan import HostScan
from app.host.virtio_gpu import VirtioGpu
from app.open.session import Session
from app.planes.plane_document import Document
from ui.cli.aligned import pair

_IDENTITY = (
    "Equal inode numbers mean one buffer, as long as somebody has it open. Different ones prove nothing: a driver, or "
    "QEMU, may export the same pixels anew."
)
_VIRTIO_LIMIT = (
    "A virtio device of a guest may give exported objects a UUID (VIRTIO_GPU_F_RESOURCE_UUID). It is for the kernel of "
    "that guest alone: no user space can read it, in the guest or here, and it cannot be compared."
)


def vm_of(session: Session) -> tuple[int, ...]:
    """The process of the session's VM, if it has one."""
    return (session.vm.pid,) if session.vm is not None else ()


def vms_of_host() -> tuple[int, ...]:
    """The processes of all VMs of this host. Raises OSError."""
    return tuple(each.pid for each in HostScan.take().vms)


def also_open(session: Session, pids: Iterable[int]) -> dict[int, list[Document]]:
    """Which of these processes have a buffer of the session open, by its inode number."""
    inodes = {each.inode for each in session.buffers() if each.inode is not None and each.exporter}
    return {inode: [asdict(each) for each in found] for inode, found in same_buffers(inodes, pids).items()}


def identities_document(document: Document, gpus: Sequence[VirtioGpu]) -> Document:
    """``buffers`` of an ``inspect`` document, and ``virtio_gpus`` of this machine: whether exported objects have UUIDs.

    ``uuids`` of one is null if that cannot be read, then ``error`` tells why.
    """
    return {key: document[key] for key in ("version", "target", "state", "reason", "buffers")} | {
        "virtio_gpus": [
            {"render_node": str(each.node), "uuids": each.uuids, "source": each.source, "error": each.error or None}
            for each in gpus
        ]
    }


def identities_lines(document: Document) -> list[str]:
    """The same for people."""
    lines = [f"target: {document['target']}"]
    for each in document["buffers"]:
        lines += ["", *_buffer_lines(each)]
    if not document["buffers"]:
        lines += ["", f"no buffers ({document['state']}: {document['reason']})"]
    lines += ["", *pair("identity", _IDENTITY), *pair("virtio", _VIRTIO_LIMIT)]
    for gpu in document["virtio_gpus"]:
        lines += pair("", _gpu_text(gpu))
    if not document["virtio_gpus"]:
        lines += pair("", "This host itself has no virtio-gpu, as a guest would have.")
    return lines


def _buffer_lines(buffer: Document) -> list[str]:
    shown = ", on the screen" if buffer["on_screen"] else ""
    layout = f"{buffer['width']}x{buffer['height']} {buffer['fourcc']} {buffer['modifier_name']}"
    lines = [f"{buffer['plane']} plane{shown}: {layout}, stride {buffer['stride']}"]
    if buffer["inode"] is None:
        return [*lines, *pair("  memory", f"{buffer['size']} bytes; no dma-buf, so it has no number")]
    if not buffer["exporter"]:
        return [*lines, *pair("  memfd", f"inode {buffer['inode']}, {buffer['size']} bytes; no dma-buf")]
    name = f", name {buffer['name']}" if buffer["name"] else ""
    lines += pair("  dma-buf", f"inode {buffer['inode']}, {buffer['size']} bytes, exporter {buffer['exporter']}{name}")
    return lines + pair("  same as", same_text(buffer) or "no buffer of a VM that can be seen")


def same_text(buffer: Document) -> str:
    """The other processes that have the buffer open; empty if none was found."""
    return ", ".join(f"{each['process']} {each['pid']} (fd {each['fd']})" for each in buffer.get("also_open") or ())


def _gpu_text(gpu: Document) -> str:
    if gpu["uuids"] is None:
        return f"{gpu['render_node']}: it cannot be read whether its objects have UUIDs ({gpu['error']})"
    what = "exported objects have UUIDs" if gpu["uuids"] else "exported objects have no UUIDs"
    return f"{gpu['render_node']}: {what} ({gpu['source']})"
