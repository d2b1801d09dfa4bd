"""``mdevview list``: the vGPUs of this host, as a table or as JSON. Opens no device."""

import argparse
import json
import re

from app.host.discovery import discover
from app.host.drivers import KnownDisplay, known_display
from app.host.scan import HostScan
from app.host.vgpu import Holder, Use, Vgpu
from app.host.vgpu_document import list_document
from app.host.wording import holder_text, unseen_text
from ui.cli.output import printable, write_output

_OFFERS = {
    KnownDisplay.DMABUF: "dma-buf",
    KnownDisplay.REGION: "region",
    KnownDisplay.NONE: "none",
    KnownDisplay.UNKNOWN: "unknown",
}
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._+-]*")
_HEADER = ("VGPU", "TYPE", "PARENT", "DRIVER", "NODE", "KNOWN TO OFFER", "USE")


def run(args: argparse.Namespace) -> int:
    vgpus = discover(HostScan.take())
    if args.targets:
        write_output("\n".join(targets(vgpus)))
    elif args.json:
        write_output(json.dumps(list_document(vgpus), indent=2))
    elif vgpus:
        write_output(table(vgpus))
    else:
        write_output("no vGPU found; `mdevview` shows a simulated one, `mdevview doctor` says what this host lacks")
    return 0


def targets(vgpus: tuple[Vgpu, ...]) -> list[str]:
    """The vGPUs, then their VMs by number and by name, as TARGETs for a shell's completion.

    Bash expands each word that is offered ("compgen -W"), and any user may choose the name of a VM: a name with any
    other than plain characters is left out.
    """
    vms = [each for vgpu in vgpus for holder in vgpu.holders for each in (holder.vm_id, holder.vm_name) if each]
    names = dict.fromkeys([*(each.name for each in vgpus), *(f"vm:{each}" for each in vms)])
    return [each for each in names if _PLAIN.fullmatch(each)]


def table(vgpus: tuple[Vgpu, ...]) -> str:
    """Aligned columns, one line for each vGPU."""
    rows = [_HEADER, *(_row(each) for each in vgpus)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(vgpu: Vgpu) -> tuple[str, ...]:
    kind = vgpu.type_id or "-"
    if vgpu.type_name and vgpu.type_name != vgpu.type_id:
        kind += f" ({vgpu.type_name})"
    nodes = [f"group {vgpu.iommu_group}"] if vgpu.iommu_group is not None else []
    nodes += [vgpu.cdev] if vgpu.cdev else []
    offers = _OFFERS[known_display(vgpu)]
    cells = (vgpu.name, kind, vgpu.parent or "-", vgpu.driver or "-", ", ".join(nodes) or "-", offers, _use(vgpu))
    return tuple(map(printable, cells))


def _use(vgpu: Vgpu) -> str:
    if vgpu.use is Use.UNKNOWN:
        return f"free, or in use by {unseen_text(vgpu.claims)}"
    return "in use by " + "; ".join(map(_holder, vgpu.holders)) if vgpu.holders else "free"


def _holder(holder: Holder) -> str:
    way = f" by {holder.way.value}" if holder.way is not None else ""
    return holder_text(holder) + way
