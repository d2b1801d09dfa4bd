"""Findings about the GPUs of the host: who may draw with them, and whether the right one draws."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.gpu import RenderNode


def render_node_findings(
    nodes: Sequence[RenderNode], parents: Collection[str | None], folder: Path
) -> Iterator[Finding]:
    """One finding for each GPU of ``folder`` (/dev/dri). ``parents`` are the addresses of the vGPUs' parents."""
    for each in nodes:
        owners = permissions.owner_and_mode(each.node)
        evidence = f"{each.address} {each.vendor}:{each.product}, {owners}" if each.vendor else owners
        message = f"{each.node} is driven by {each.driver or 'unknown driver'}"
        if each.address in parents:
            message += ", parent of vGPUs here"
        if os.access(each.node, os.R_OK | os.W_OK):
            yield Finding("render-node", Severity.OK, message, evidence)
        else:
            remedy = permissions.remedy(each.node)
            yield Finding("render-node", Severity.WARNING, f"{message} and cannot be opened", evidence, remedy)
    if not nodes:
        yield Finding(
            "render-node", Severity.INFO, "no GPU to draw with: the CPU draws", f"{folder}/renderD* is missing"
        )


def wrong_gpu(drawing: str, exporting: Sequence[str]) -> Finding | None:
    """A finding when the GPU that draws exports no vGPU's dma-bufs, but others do. All are addresses of GPUs.

    Only the GPU that exports a dma-buf is sure to be able to import it.
    """
    if not exporting or drawing in exporting:
        return None
    return Finding(
        "wrong-gpu",
        Severity.WARNING,
        "the GPU that draws is not the one whose vGPUs are to be shown: imports may fail or come out black",
        f"drawing: {drawing}; exporting: {', '.join(exporting)}",
        f"draw on the exporting one: DRI_PRIME=pci-{exporting[0].replace(':', '_').replace('.', '_')}",
    )
