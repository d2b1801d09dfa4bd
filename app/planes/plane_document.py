"""Planes and states as JSON documents: the keys that inspect and measure share. A published key keeps its meaning."""

import errno
from collections.abc import Sequence
from typing import Any

from app.formats.fourcc import format_name, fourcc_text
from app.formats.modifier import modifier_name
from app.planes.buffer import Buffer
from app.planes.outcome import BridgeRoute
from app.planes.plane import Backing, Plane
from app.planes.status import Status

Document = dict[str, Any]


def status_document(target: str, status: Status) -> Document:
    """``target``, ``state``, ``reason``, ``detail``, ``hint``."""
    return {
        "target": target,
        "state": status.state.value,
        "reason": status.reason.key,
        "detail": status.detail,
        "hint": status.hint,
    }


def plane_document(
    plane: Plane,
    buffer: Buffer | None,
    status: Status,
    path: str | None = None,
    import_errors: Sequence[Document] = (),
    bridge: BridgeRoute | None = None,
) -> Document:
    """One plane. ``path``, ``import_errors`` and ``bridge`` come from the renderer. A plane that it did not get has
    none.

    Each import error has ``rung``, ``egl_error`` and ``message``. ``errno`` is the name of the error with which the
    driver refused the plane; null if it did not.
    """
    return {
        "fourcc": fourcc_text(plane.fourcc),
        "format_name": format_name(plane.fourcc),
        "modifier": plane.modifier,
        "modifier_name": modifier_name(plane.modifier),
        "width": plane.width,
        "height": plane.height,
        "stride": plane.stride,
        "size": plane.size,
        "x": plane.x,
        "y": plane.y,
        "hot_x": plane.hot_x,
        "hot_y": plane.hot_y,
        "backing": plane.backing.value,
        "dmabuf_id": plane.handle if plane.backing is Backing.DMABUF else None,
        "region_index": plane.handle if plane.backing is Backing.REGION else None,
        "buffer": _buffer_document(buffer),
        "path": path,
        "bridge": _bridge_document(bridge),
        "import_errors": list(import_errors),
        **_state(status),
    }


def refused_plane_document(status: Status) -> Document:
    """A plane of which only ``status`` is known, because the driver refused to describe it: all else is null."""
    return dict.fromkeys(_VALUES) | {"import_errors": [], **_state(status)}


_VALUES = (
    *("fourcc", "format_name", "modifier", "modifier_name", "width", "height", "stride", "size", "x", "y"),
    *("hot_x", "hot_y", "backing", "dmabuf_id", "region_index", "buffer", "path", "bridge"),
)


def _state(status: Status) -> Document:
    return {
        "state": status.state.value,
        "reason": status.reason.key,
        "detail": status.detail,
        "hint": status.hint,
        "errno": errno.errorcode.get(status.errno, str(status.errno)) if status.errno is not None else None,
    }


def _bridge_document(bridge: BridgeRoute | None) -> Document | None:
    """The GPU that imported the buffer for the one that draws, and how it handed the pixels over."""
    if bridge is None:
        return None
    return {
        "render_node": bridge.node or None,
        "gpu": bridge.gpu,
        "form": bridge.form.value,
        "detail": bridge.reason,
    }


def _buffer_document(buffer: Buffer | None) -> Document | None:
    if buffer is None:
        return None
    return {"size": buffer.size, "inode": buffer.inode, "exporter": buffer.exporter}
