"""Whether a display needs a bridge, and to which GPU."""

from app.host.gpu import GpuChoice, RenderNode, address_of
from gl.context import Context
from gl.egl_display import DisplayOrigin, Platform


def bridge_origin(context: Context, choice: GpuChoice, exporter: RenderNode | None) -> DisplayOrigin | None:
    """The display of the GPU over which ``context`` gets what it cannot import: the user's choice, or the exporter.

    None if neither is known, or if the context draws on that GPU itself. A context in which the CPU draws is on no GPU.
    A node that is missing here, as in a container, is not left out: the bridge then says so.
    """
    wanted = choice.named or exporter
    if wanted is None:
        return None
    node = context.display.render_node
    if node is not None and not context.software and (node == str(wanted.node) or address_of(node) == wanted.address):
        return None
    return DisplayOrigin(Platform.DEVICE, str(wanted.node))
