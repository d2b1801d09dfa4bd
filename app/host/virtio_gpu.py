"""What this machine, if it is a guest, tells of exported objects of its virtio-gpu (VIRTIO_GPU_F_RESOURCE_UUID).

Such an object is a dma-buf that has a UUID for other virtio devices of the same guest. The UUID is for the kernel only
(virtio_dma_buf_get_uuid() in drivers/virtio/virtio_dma_buf.c): no ioctl and no file has it.
"""

import ctypes
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.abi import virtgpu
from app.errors import error_text
from app.host.gpu import RenderNode, render_nodes
from app.host.paths import HOST, Paths, text_of

_DRIVER = "virtio_gpu"


@dataclass(frozen=True, slots=True)
class VirtioGpu:
    """A virtio-gpu of this machine. ``uuids`` tells whether its host gives exported objects UUIDs.

    ``uuids`` is None if that cannot be read, then ``error`` says why. ``source`` is where it comes from.
    """

    node: Path
    uuids: bool | None
    source: str
    error: str = ""


def ask_cross_device(node: Path) -> bool:
    """Whether the driver of a render node has the feature (virtio_gpu_getparam_ioctl()). Raises OSError."""
    answer = ctypes.c_int(0)
    request = virtgpu.drm_virtgpu_getparam(virtgpu.VIRTGPU_PARAM_CROSS_DEVICE, ctypes.addressof(answer))
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, virtgpu.DRM_IOCTL_VIRTGPU_GETPARAM, request)
    finally:
        os.close(fd)
    return bool(answer.value)


def virtio_gpus(paths: Paths = HOST, ask: Callable[[Path], bool] = ask_cross_device) -> tuple[VirtioGpu, ...]:
    """Each virtio-gpu of this machine; none on a host, where the feature of its VMs cannot be seen."""
    nodes = [each for each in render_nodes(paths) if _is_virtio(each, paths)]
    return tuple(_look(each.node, paths, ask) for each in nodes)


def _is_virtio(gpu: RenderNode, paths: Paths) -> bool:
    """The device of the node is the virtio device, or the PCI device above it (virtio_gpu_probe())."""
    if gpu.driver == _DRIVER:
        return True
    folder = paths.sys / "class/drm" / gpu.node.name / "device"
    return any((each / "driver").resolve().name == _DRIVER for each in folder.glob("virtio[0-9]*"))


def _look(node: Path, paths: Paths, ask: Callable[[Path], bool]) -> VirtioGpu:
    try:
        return VirtioGpu(node, ask(node), "VIRTGPU_PARAM_CROSS_DEVICE")
    except OSError as error:
        # virtio_gpu_features() in drivers/gpu/drm/virtio/virtgpu_debugfs.c. Only root can read it.
        file = paths.sys / "kernel/debug/dri" / node.name.removeprefix("renderD") / "virtio-gpu-features"
        for line in (text_of(file) or "").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "resource uuid":
                return VirtioGpu(node, value.strip() == "yes", str(file))
        return VirtioGpu(node, None, "VIRTGPU_PARAM_CROSS_DEVICE", error_text(error))
