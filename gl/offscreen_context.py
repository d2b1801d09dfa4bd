"""The context of what has no window: on the GPU that exports the guest's buffers, or that the user names."""

import logging
import os
from collections.abc import Sequence

from app.errors import MdevviewError, PermissionDenied
from app.host import permissions
from app.host.gpu import AUTO, GpuChoice, RenderNode, choose_node, render_nodes
from gl.context import SurfacelessContext
from gl.egl_display import known_nodes
from gl.errors import GraphicsError

_log = logging.getLogger(__name__)


def open_context(
    choice: GpuChoice = AUTO, exporter: RenderNode | None = None, nodes: Sequence[RenderNode] | None = None
) -> SurfacelessContext:
    """A context on the GPU of :func:`choose_node`; ``nodes`` are those of this host.

    If only the CPU draws on a GPU that the user did not name, or nothing does, EGL chooses, as if the exporter were not
    known; the context's ``fallback_reason`` says so. Raises MdevviewError if the user named a GPU that EGL cannot use,
    and GraphicsError without OpenGL ES 3.
    """
    if choice.named is not None:
        return _named(choice.named)
    chosen = choose_node(choice, exporter, render_nodes() if nodes is None else nodes)
    if chosen is not None:
        context = _on_gpu(chosen)
        if isinstance(context, SurfacelessContext):
            return context
        reason = context
    else:
        reason = f"there is no {exporter}" if exporter is not None else ""
    context = SurfacelessContext()
    if reason:
        _log.info("EGL chooses the GPU: %s", reason)
        context.fallback_reason = reason
    return context


def _on_gpu(chosen: RenderNode) -> SurfacelessContext | str:
    """A context in which this GPU draws, or why there is none."""
    try:
        context = SurfacelessContext(str(chosen.node))
    except GraphicsError as error:
        return f"EGL cannot draw on {chosen}: {error}"
    if not context.software:
        return context
    # Mesa's kms_swrast, for example, which cannot read what it imports (SurfacelessContext).
    reason = f"only the CPU draws on {chosen}: {context.renderer}"
    context.close()
    return reason


def _named(named: RenderNode) -> SurfacelessContext:
    try:
        return SurfacelessContext(str(named.node))
    except GraphicsError as error:
        if named.node.exists() and not os.access(named.node, os.R_OK | os.W_OK):
            raise PermissionDenied(
                f"{named.node}: permission denied ({permissions.owner_and_mode(named.node)})",
                permissions.remedy(named.node),
            ) from error
        nodes = known_nodes()
        why = str(error) if str(named.node) in nodes else "EGL does not know it"
        remedy = (
            f"EGL knows {', '.join(nodes)}" if nodes else "EGL knows no DRM node; without --gpu it chooses what draws"
        )
        raise MdevviewError(f"--gpu: EGL cannot draw on {named}: {why}", remedy) from error
