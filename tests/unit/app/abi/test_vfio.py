"""Numbers and structs of linux/vfio.h, as the kernel headers compile them on x86-64."""

import ctypes

from app.abi import vfio


def test_request_numbers_are_the_kernels() -> None:
    assert vfio.VFIO_GET_API_VERSION == 0x3B64
    assert vfio.VFIO_SET_IOMMU == 0x3B66
    assert vfio.VFIO_GROUP_SET_CONTAINER == 0x3B68
    assert vfio.VFIO_GROUP_GET_DEVICE_FD == 0x3B6A
    assert vfio.VFIO_DEVICE_GET_INFO == 0x3B6B
    assert vfio.VFIO_DEVICE_GET_REGION_INFO == 0x3B6C
    assert vfio.VFIO_DEVICE_QUERY_GFX_PLANE == 0x3B72
    assert vfio.VFIO_DEVICE_GET_GFX_DMABUF == 0x3B73
    assert vfio.VFIO_DEVICE_BIND_IOMMUFD == 0x3B76


def test_the_plane_struct_has_the_kernels_layout() -> None:
    info = vfio.vfio_device_gfx_plane_info
    offsets = {name: getattr(info, name).offset for name, *_ in info._fields_}
    assert offsets == {
        "argsz": 0,
        "flags": 4,
        "drm_plane_type": 8,
        "drm_format": 12,
        "drm_format_mod": 16,
        "width": 24,
        "height": 28,
        "stride": 32,
        "size": 36,
        "x_pos": 40,
        "y_pos": 44,
        "x_hot": 48,
        "y_hot": 52,
        "handle": 56,
        "reserved": 60,
    }
    assert ctypes.sizeof(info) == vfio.GFX_PLANE_INFO.size == 64


def test_the_struct_format_and_the_ctypes_struct_agree() -> None:
    packed = vfio.GFX_PLANE_INFO.pack(*range(15))
    info = vfio.vfio_device_gfx_plane_info.from_buffer_copy(packed)
    assert [getattr(info, name) for name, *_ in info._fields_] == list(range(15))


def test_other_structs_have_the_kernels_sizes() -> None:
    sizes = {
        vfio.vfio_device_info: 24,
        vfio.vfio_region_info: 32,
        vfio.vfio_info_cap_header: 8,
        vfio.vfio_region_info_cap_sparse_mmap: 16,
        vfio.vfio_region_sparse_mmap_area: 16,
        vfio.vfio_region_info_cap_type: 16,
        vfio.vfio_region_gfx_edid: 24,
        vfio.vfio_group_status: 8,
        vfio.vfio_device_bind_iommufd: 16,
    }
    assert {struct: ctypes.sizeof(struct) for struct in sizes} == sizes
