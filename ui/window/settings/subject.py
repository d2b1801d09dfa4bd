"""The name under which a window's settings are kept: that of the VM, or else of the vGPU."""

from urllib.parse import quote

from app.host.vgpu import Vgpu
from app.host.vm import Vm
from ui.window.settings.settings_text import LONGEST_SUBJECT

# What a section's name may have as it is.
_PLAIN = " ()+,:;@~!$&'*"


def subject_of(vm: Vm | None, vgpu: Vgpu | None, guest_name: str = "") -> str:
    """``VM UUID``, ``VM name NAME`` or ``vGPU NAME``; empty if none of them is known. ``guest_name`` is of a VM, too.

    A VM chooses its UUID and its name: one that takes those of another gets that VM's window, and nothing else. The
    many targets of simulated vGPUs count as one.
    """
    if vgpu is not None and vgpu.simulated:
        return "simulated"
    line = vm.command_line() if vm is not None else None
    names = (
        ("VM", line.uuid if line is not None else None),
        ("VM name", vm.name if vm is not None else guest_name),
        ("vGPU", vgpu.name if vgpu is not None else None),
    )
    for kind, name in names:
        text = f"{kind} {quote(name, safe=_PLAIN, errors='surrogatepass')}" if name else ""
        if text and len(text) <= LONGEST_SUBJECT:
            return text
    return ""
