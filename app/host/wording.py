"""The text by which all messages name a process."""

from collections.abc import Iterable

from app.host.vgpu import Holder


def process_text(process: str, pid: int, vm_name: str | None = None) -> str:
    """``qemu-system-x86 4711 (VM win10)``, or ``qemu-system-x86 4711`` if there is no VM or it has no name."""
    return f"{process} {pid} (VM {vm_name})" if vm_name else f"{process} {pid}"


def holders_text(holders: Iterable[Holder]) -> str:
    """All holders of a vGPU, joined by "and"; empty for none."""
    return " and ".join(process_text(each.process, each.pid, each.vm_name) for each in holders)
