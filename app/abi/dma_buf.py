"""``include/uapi/linux/dma-buf.h`` with the kernel's names."""

import ctypes

from app.abi.ioctl import iow, iowr

DMA_BUF_BASE = ord("b")

DMA_BUF_SYNC_READ = 1 << 0
DMA_BUF_SYNC_WRITE = 2 << 0
DMA_BUF_SYNC_START = 0 << 2
DMA_BUF_SYNC_END = 1 << 2


class dma_buf_sync(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64),)


class dma_buf_export_sync_file(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint32), ("fd", ctypes.c_int32))


DMA_BUF_IOCTL_SYNC = iow(DMA_BUF_BASE, 0, ctypes.sizeof(dma_buf_sync))
DMA_BUF_SET_NAME_B = iow(DMA_BUF_BASE, 1, 8)
DMA_BUF_IOCTL_EXPORT_SYNC_FILE = iowr(DMA_BUF_BASE, 2, ctypes.sizeof(dma_buf_export_sync_file))
