"""Findings about the GPUs of the host: whether this user may use them, and whether the right one draws."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.gpu import RenderNode

_OF_SEVERAL = (
    ": commands without a window draw on it, and a window that another GPU draws gets the pictures from it (--gpu)"
)


def render_node_findings(
    nodes: Sequence[RenderNode], parents: Collection[str | None], folder: Path
) -> Iterator[Finding]:
    """One finding for each GPU of ``folder`` (/dev/dri). ``parents`` are the addresses of the vGPUs' parents."""
    for each in nodes:
        owners = permissions.owner_and_mode(each.node)
        evidence = f"{each.address} {each.vendor}:{each.product}, {owners}" if each.vendor else owners
        exports = each.address in parents
        message = f"{each.node} is driven by {each.driver or 'unknown driver'}"
        if exports:
            message += ", parent of vGPUs here"
        if os.access(each.node, os.R_OK | os.W_OK):
            used = _OF_SEVERAL if exports and len(nodes) > 1 else ""
            yield Finding("render-node", Severity.OK, message + used, evidence)
        else:
            remedy = permissions.remedy(each.node)
            yield Finding("render-node", Severity.WARNING, f"{message} and cannot be opened", evidence, remedy)
    if not nodes:
        yield Finding(
            "render-node",
            Severity.INFO,
            "no render node: the dma-bufs of a GPU cannot be imported",
            f"{folder}/renderD* is missing",
        )


def wrong_gpu(drawing: str, exporting: Sequence[str], why: str = "") -> Finding | None:
    """A finding if other GPUs than the drawing one export the vGPUs' dma-bufs. Both are addresses of GPUs.

    Only the GPU that exports a dma-buf can certainly import it. ``why`` EGL does not draw on it; empty if the display
    was not made for it.
    """
    if not exporting or drawing in exporting:
        return None
    return Finding(
        "wrong-gpu",
        Severity.WARNING,
        "the GPU that draws is not the GPU of the vGPUs: imports may fail, or the picture may be black",
        f"drawing: {drawing}; exporting: {', '.join(exporting)}" + (f"; {why}" if why else ""),
        make_usable(exporting[0]) if why else import_with(exporting[0]),
    )


def import_with(address: str) -> str:
    """What to do in a window that another GPU draws than the exporting one, whose PCI address this is.

    DRI_PRIME: Mesa's documentation of environment variables.
    """
    name = address.replace(":", "_").replace(".", "_")
    return (
        f"Let the exporting GPU import the buffers: --gpu {address}; or draw the window with it: DRI_PRIME=pci-{name}"
    )


def make_usable(address: str) -> str:
    """What to do about an exporting GPU on which EGL does not draw."""
    return (
        f"Make EGL draw on {address}: install the driver of that GPU (Debian: libgl1-mesa-dri), and give this user "
        "access to its node; 'mdevview doctor' checks both"
    )
