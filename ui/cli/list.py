"""``mdevview list``: the vGPUs of this host, as a table, as a list, or as JSON. Opens no device."""

import argparse
import json
import shutil
import sys
import textwrap

from app.host.discovery import discover
from app.host.drivers import KnownDisplay, known_display
from app.host.scan import HostScan
from app.host.vgpu import Holder, Use, Vgpu
from app.host.vgpu_document import list_document
from app.host.wording import holder_text, unseen_text
from ui.cli.output import printable, write_output
from ui.cli.target_words import host_targets, targets

_OFFERS = {
    KnownDisplay.DMABUF: "dma-buf",
    KnownDisplay.REGION: "region",
    KnownDisplay.NONE: "none",
    KnownDisplay.UNKNOWN: "unknown",
}
_INDENT = "    "
_SAYS_NOTHING = ("-", "driver -", "display: unknown")
# textwrap breaks lines at white space of ASCII only.
_NO_BREAK = "\u00a0"
_HEADER = ("VGPU", "TYPE", "PARENT", "DRIVER", "NODE", "KNOWN TO OFFER", "USE")


def run(args: argparse.Namespace) -> int:
    if isinstance(args.targets, str):
        found = targets(args.targets, lambda: discover(HostScan.take()))
        write_output("".join(f"{each}\n" for each in found), end="")
        return 0
    vgpus = discover(HostScan.take())
    if args.targets:
        write_output("\n".join(host_targets(vgpus)))
    elif args.json:
        write_output(json.dumps(list_document(vgpus), indent=2))
    elif vgpus:
        # What reads a pipe gets a line for each vGPU.
        write_output(fitting(vgpus, shutil.get_terminal_size().columns) if sys.stdout.isatty() else table(vgpus))
    else:
        write_output("no vGPU found; `mdevview` shows a simulated one, `mdevview doctor` says what this host lacks")
    return 0


def fitting(vgpus: tuple[Vgpu, ...], width: int) -> str:
    """The table, or for a terminal that has fewer columns a few lines for each vGPU. No name is cut or broken."""
    lines = table(vgpus)
    if max(map(len, lines.splitlines())) <= width:
        return lines
    return "\n".join(line for each in vgpus for line in _lines(each, width))


def _lines(vgpu: Vgpu, width: int) -> list[str]:
    name, kind, parent, driver, node, offers, use = _row(vgpu)
    facts = [f"{kind} on {parent}" if vgpu.parent else kind, f"driver {driver}", node, f"display: {offers}"]
    told = ", ".join(each.replace(" ", _NO_BREAK) for each in facts if each not in _SAYS_NOTHING)
    lines = [name]
    for text, hanging in ((use, "  "), (told, "")):
        lines += textwrap.wrap(
            text,
            max(len(_INDENT) + 1, width),
            initial_indent=_INDENT,
            subsequent_indent=_INDENT + hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return [each.replace(_NO_BREAK, " ") for each in lines]


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
