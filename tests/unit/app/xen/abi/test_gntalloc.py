"""Numbers and structs of xen/gntalloc.h, as the kernel headers compile them on x86-64."""

from app.xen.abi import gntalloc


def test_request_numbers_and_offsets_are_the_kernels() -> None:
    assert gntalloc.IOCTL_GNTALLOC_ALLOC_GREF == 0x184705
    assert gntalloc.IOCTL_GNTALLOC_DEALLOC_GREF == 0x104706
    assert gntalloc.ioctl_gntalloc_alloc_gref.index.offset == 8
    assert gntalloc.ioctl_gntalloc_alloc_gref.gref_ids.offset == 16
