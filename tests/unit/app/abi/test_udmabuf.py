"""The number and the struct of linux/udmabuf.h, as the kernel headers compile them on x86-64."""

import ctypes

from app.abi import udmabuf


def test_request_number_and_struct_are_the_kernels() -> None:
    assert udmabuf.UDMABUF_CREATE == 0x40187542
    assert ctypes.sizeof(udmabuf.udmabuf_create) == 24
