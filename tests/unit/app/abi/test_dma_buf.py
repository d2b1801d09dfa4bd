"""Numbers and structs of linux/dma-buf.h, as the kernel headers compile them on x86-64."""

import ctypes

from app.abi import dma_buf


def test_request_numbers_are_the_kernels() -> None:
    assert dma_buf.DMA_BUF_IOCTL_SYNC == 0x40086200
    assert dma_buf.DMA_BUF_SET_NAME_B == 0x40086201
    assert dma_buf.DMA_BUF_IOCTL_EXPORT_SYNC_FILE == 0xC0086202


def test_structs_have_the_kernels_sizes() -> None:
    assert ctypes.sizeof(dma_buf.dma_buf_sync) == 8
    assert ctypes.sizeof(dma_buf.dma_buf_export_sync_file) == 8
