"""Findings about the GPUs of the host: whether this user may use them, and whether the right one draws."""

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
    """A finding if other GPUs than the drawing one export the vGPUs' dma-bufs. All arguments are addresses of GPUs.

    Only the GPU that exports a dma-buf can certainly import it.
    """
    if not exporting or drawing in exporting:
        return None
    return Finding(
        "wrong-gpu",
        Severity.WARNING,
        "the GPU that draws is not the GPU of the vGPUs: imports may fail, or the picture may be black",
        f"drawing: {drawing}; exporting: {', '.join(exporting)}",
        draw_with(exporting[0]),
    )


def draw_with(address: str) -> str:
    """What to do to draw with the GPU of this PCI address (Mesa's documentation of environment variables)."""
    return f"Draw with the exporting GPU: DRI_PRIME=pci-{address.replace(':', '_').replace('.', '_')}"
