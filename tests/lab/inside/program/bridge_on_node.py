"""Shows a picture in vgem's memory, once in each direction: ``python -m ... NODE``.

``to-node`` draws on the node, with a bridge from EGL's software device. ``from-node``
draws on the software device as if it imported nothing, with a bridge from the node. Prints a JSON document for each
of the two: how the picture reached the display that draws, why not otherwise, and whether it is right.
"""

import ctypes
import fcntl
import json
import mmap
import os
import sys
from pathlib import Path

import numpy as np

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer
from app.planes.frame import Frame, Surface
from app.planes.status import Reason, Status
from gl.context import SurfacelessContext
from gl.egl_display import DisplayOrigin, Platform
from gl.gbm import linear_plane
from gl.renderer import Renderer

_WIDTH, _HEIGHT = 300, 200


class CreateDumb(ctypes.Structure):
    """``struct drm_mode_create_dumb`` (include/uapi/drm/drm_mode.h)."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("height", "width", "bpp", "flags", "handle", "pitch")),
        ("size", ctypes.c_uint64),
    )


class PrimeHandle(ctypes.Structure):
    """``struct drm_prime_handle`` (include/uapi/drm/drm.h)."""

    _fields_ = (("handle", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("fd", ctypes.c_int32))


def _request(number: int, kind: type[ctypes.Structure]) -> int:
    return 0xC000_0000 | ctypes.sizeof(kind) << 16 | ord("d") << 8 | number


def _buffer(node: str) -> tuple[DmaBuffer, int]:
    """A dma-buf of vgem, and its stride in bytes. Only the card node makes dumb buffers."""
    (card,) = (Path("/sys/class/drm") / Path(node).name / "device/drm").glob("card*")
    fd = os.open(f"/dev/dri/{card.name}", os.O_RDWR | os.O_CLOEXEC)
    try:
        dumb = CreateDumb(height=_HEIGHT, width=_WIDTH, bpp=32)
        fcntl.ioctl(fd, _request(0xB2, CreateDumb), dumb)
        exported = PrimeHandle(handle=dumb.handle, flags=os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(fd, _request(0x2D, PrimeHandle), exported)
    finally:
        os.close(fd)
    return DmaBuffer(exported.fd), dumb.pitch


def _show(node: str, *, to_node: bool) -> dict[str, object]:
    buffer, stride = _buffer(node)
    fd = buffer.dmabuf_fd
    assert fd is not None
    pixels = np.random.default_rng(1).integers(0, 256, (_HEIGHT, _WIDTH, 4), np.uint8)
    with mmap.mmap(fd, buffer.size) as memory:
        for y in range(_HEIGHT):
            memory[y * stride : y * stride + 4 * _WIDTH] = pixels[y].tobytes()
    on_node, software = DisplayOrigin(Platform.DEVICE, node), DisplayOrigin(Platform.SOFTWARE)
    with SurfacelessContext(origin=on_node if to_node else software) as context:
        if not to_node:
            context.imports_dma_bufs = False
        renderer = Renderer(context)
        renderer.set_bridge(software if to_node else on_node)
        surface = Surface(linear_plane(_WIDTH, _HEIGHT, stride, drm.DRM_FORMAT_XRGB8888), buffer)
        picture = renderer.capture(Frame(Status(Reason.OK), surface, None))
        outcome = renderer.outcome(surface)
        renderer.release()
        drawn_on = context.renderer
    buffer.release()
    bridge = outcome.bridge
    return {
        "drawn_on": drawn_on,
        "exporter": buffer.exporter,
        "path": outcome.path.value if outcome.path is not None else None,
        "bridge": [bridge.gpu, bridge.node, bridge.form.value, bridge.reason] if bridge is not None else None,
        "reason": outcome.status.reason.key,
        "failures": [each.message for each in outcome.failures],
        "right": picture is not None and np.array_equal(picture[..., 2::-1], pixels[..., :3]),
    }


def main() -> None:
    (node,) = sys.argv[1:]
    print(json.dumps({"to-node": _show(node, to_node=True), "from-node": _show(node, to_node=False)}))


if __name__ == "__main__":
    main()
