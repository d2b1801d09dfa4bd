"""Numbers and structs of xen/gntdev.h, as the kernel headers compile them on x86-64."""

import ctypes

from app.xen.abi import gntdev


def test_request_numbers_are_the_kernels() -> None:
    assert gntdev.IOCTL_GNTDEV_MAP_GRANT_REF == 0x184700
    assert gntdev.IOCTL_GNTDEV_UNMAP_GRANT_REF == 0x104701
    assert gntdev.IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS == 0x144709
    assert gntdev.IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED == 0x08470A
    assert gntdev.IOCTL_GNTDEV_DMABUF_IMP_TO_REFS == 0x14470B
    assert gntdev.IOCTL_GNTDEV_DMABUF_IMP_RELEASE == 0x08470C


def test_the_references_follow_the_head_of_each_struct() -> None:
    assert gntdev.ioctl_gntdev_map_grant_ref.index.offset == 8
    assert gntdev.ioctl_gntdev_map_grant_ref.refs.offset == 16
    assert gntdev.ioctl_gntdev_dmabuf_exp_from_refs.fd.offset == 8
    assert gntdev.ioctl_gntdev_dmabuf_exp_from_refs.refs.offset == 16
    assert gntdev.ioctl_gntdev_dmabuf_imp_to_refs.refs.offset == 16
    assert ctypes.sizeof(gntdev.ioctl_gntdev_grant_ref) == 8
