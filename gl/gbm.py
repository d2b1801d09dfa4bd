"""Linear dma-bufs of one GPU, made by libgbm (Mesa's ``src/gbm/main/gbm.h``), for another GPU to import."""

import ctypes
import functools
import os
from typing import Any

from app.abi import drm_fourcc as drm
from app.planes.buffer import DmaBuffer
from app.planes.plane import Backing, Plane, PlaneKind
from gl.errors import GraphicsError

_USE_RENDERING = 1 << 2
_USE_LINEAR = 1 << 4
_ROW_TEXELS = 64

_POINTER = ctypes.c_void_p
_UINT = ctypes.c_uint32
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "gbm_create_device": (_POINTER, ctypes.c_int),
    "gbm_device_destroy": (None, _POINTER),
    "gbm_bo_create": (_POINTER, _POINTER, _UINT, _UINT, _UINT, _UINT),
    "gbm_bo_destroy": (None, _POINTER),
    "gbm_bo_get_fd": (ctypes.c_int, _POINTER),
    "gbm_bo_get_modifier": (ctypes.c_uint64, _POINTER),
    "gbm_bo_get_offset": (_UINT, _POINTER, ctypes.c_int),
    "gbm_bo_get_stride": (_UINT, _POINTER),
}


@functools.cache
def _library() -> ctypes.CDLL:
    """Raises :class:`GraphicsError` when there is none."""
    try:
        library = ctypes.CDLL("libgbm.so.1")
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise GraphicsError(f"libgbm cannot be used: {error}") from error
    return library


def allocate_linear(node: str, width: int, height: int, fourcc: int) -> tuple[Plane, DmaBuffer]:
    """A linear buffer of the GPU behind a render node, not filled. The caller releases the buffer.

    The fd alone keeps the memory, so nothing of libgbm stays behind. Each row takes a multiple of 64 texels, so of 256
    bytes: AMD's GPUs import no others, and Intel's make others, for example for 1366 texels. Raises
    :class:`GraphicsError`, and OSError when the node cannot be opened.
    """
    if not node:
        raise GraphicsError("the exporting GPU has no render node")
    gbm = _library()
    row = -(-width // _ROW_TEXELS) * _ROW_TEXELS
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    device = bo = 0
    try:
        device = gbm.gbm_create_device(fd) or 0
        if not device:
            raise GraphicsError(f"libgbm has no driver for {node}")
        bo = gbm.gbm_bo_create(device, row, height, fourcc, _USE_RENDERING | _USE_LINEAR) or 0
        if not bo:
            raise GraphicsError(f"libgbm makes no linear buffer of {width}x{height} on {node}")
        modifier = gbm.gbm_bo_get_modifier(bo)
        if modifier not in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID):
            raise GraphicsError(f"libgbm made a buffer with modifier 0x{modifier:x}, which is not linear, on {node}")
        stride, offset = gbm.gbm_bo_get_stride(bo), gbm.gbm_bo_get_offset(bo, 0)
        exported = gbm.gbm_bo_get_fd(bo)
        if exported < 0:
            raise GraphicsError(f"libgbm cannot export a buffer of {node}")
        buffer = DmaBuffer(exported)
    finally:
        if bo:
            gbm.gbm_bo_destroy(bo)
        if device:
            gbm.gbm_device_destroy(device)
        os.close(fd)
    return linear_plane(width, height, stride, fourcc, offset), buffer


def linear_plane(width: int, height: int, stride: int, fourcc: int, offset: int = 0) -> Plane:
    """The plane of a linear dma-buf; ``stride`` and ``offset`` are bytes."""
    return Plane(
        PlaneKind.PRIMARY,
        Backing.DMABUF,
        fourcc,
        drm.DRM_FORMAT_MOD_LINEAR,
        width,
        height,
        stride,
        stride * height,
        0,
        0,
        None,
        None,
        handle=0,
        offset=offset,
    )
