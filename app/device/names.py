"""Names for what a VFIO device says of itself: its flags, and the kinds and accesses of its regions.

Source: ``include/uapi/linux/vfio.h``.
"""

from app.abi import vfio

_DEVICE_FLAGS = {
    vfio.VFIO_DEVICE_FLAGS_RESET: "reset",
    vfio.VFIO_DEVICE_FLAGS_PCI: "pci",
    vfio.VFIO_DEVICE_FLAGS_PLATFORM: "platform",
    vfio.VFIO_DEVICE_FLAGS_AMBA: "amba",
    vfio.VFIO_DEVICE_FLAGS_CCW: "ccw",
    vfio.VFIO_DEVICE_FLAGS_AP: "ap",
    vfio.VFIO_DEVICE_FLAGS_FSL_MC: "fsl-mc",
    vfio.VFIO_DEVICE_FLAGS_CAPS: "caps",
    vfio.VFIO_DEVICE_FLAGS_CDX: "cdx",
}
_REGION_FLAGS = {
    vfio.VFIO_REGION_INFO_FLAG_READ: "read",
    vfio.VFIO_REGION_INFO_FLAG_WRITE: "write",
    vfio.VFIO_REGION_INFO_FLAG_MMAP: "mmap",
}
_PCI_REGIONS = {
    **{index: f"BAR{index}" for index in range(vfio.VFIO_PCI_BAR5_REGION_INDEX + 1)},
    vfio.VFIO_PCI_ROM_REGION_INDEX: "ROM",
    vfio.VFIO_PCI_CONFIG_REGION_INDEX: "CONFIG",
    vfio.VFIO_PCI_VGA_REGION_INDEX: "VGA",
}
_VENDORS = {0x8086: "Intel", 0x10DE: "NVIDIA", 0x1014: "IBM"}
_VENDOR_TYPES = {
    (0x8086, vfio.VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION): "OpRegion",
    (0x8086, vfio.VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG): "host bridge configuration",
    (0x8086, vfio.VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG): "LPC bridge configuration",
    (0x10DE, vfio.VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM): "NVLink2 memory",
    (0x1014, vfio.VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD): "NVLink2 ATSD",
}
_TYPES = {
    vfio.VFIO_REGION_TYPE_GFX: "GFX",
    vfio.VFIO_REGION_TYPE_CCW: "CCW",
    vfio.VFIO_REGION_TYPE_MIGRATION_DEPRECATED: "migration (deprecated)",
}
_SUBTYPES = {
    (vfio.VFIO_REGION_TYPE_GFX, vfio.VFIO_REGION_SUBTYPE_GFX_EDID): "EDID",
    (vfio.VFIO_REGION_TYPE_CCW, vfio.VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD): "async command",
    (vfio.VFIO_REGION_TYPE_CCW, vfio.VFIO_REGION_SUBTYPE_CCW_SCHIB): "SCHIB",
    (vfio.VFIO_REGION_TYPE_CCW, vfio.VFIO_REGION_SUBTYPE_CCW_CRW): "CRW",
}


def device_flag_names(flags: int) -> tuple[str, ...]:
    """The flags of VFIO_DEVICE_GET_INFO ("pci", "reset"); a bit without a name is hexadecimal."""
    return _bit_names(flags, _DEVICE_FLAGS)


def region_access(flags: int) -> tuple[str, ...]:
    """What may be done with a region, from the flags of VFIO_DEVICE_GET_REGION_INFO: "read", "write", "mmap".

    The flag that says whether capabilities follow is left out; another bit without a name is hexadecimal.
    """
    return _bit_names(flags & ~vfio.VFIO_REGION_INFO_FLAG_CAPS, _REGION_FLAGS)


def _bit_names(flags: int, names: dict[int, str]) -> tuple[str, ...]:
    bits = [1 << place for place in range(flags.bit_length()) if flags & 1 << place]
    return tuple(names.get(bit, f"0x{bit:x}") for bit in bits)


def region_name(device_flags: int, index: int, kind: tuple[int, int] | None) -> str | None:
    """The name of a region: "BAR0", or that of its type ("GFX/EDID"). None if neither the index nor a type names it."""
    if kind is not None:
        return region_type_name(kind)
    return _PCI_REGIONS.get(index) if device_flags & vfio.VFIO_DEVICE_FLAGS_PCI else None


def region_type_name(kind: tuple[int, int]) -> str:
    """The type and subtype of a region (VFIO_REGION_INFO_CAP_TYPE): "Intel OpRegion", "GFX/EDID", "type 7/1"."""
    type_, subtype = kind
    if type_ & vfio.VFIO_REGION_TYPE_PCI_VENDOR_TYPE:
        vendor = type_ & vfio.VFIO_REGION_TYPE_PCI_VENDOR_MASK
        what = _VENDOR_TYPES.get((vendor, subtype), f"type {subtype}")
        return f"{_VENDORS.get(vendor, f'PCI vendor 0x{vendor:04x}')} {what}"
    name = _TYPES.get(type_)
    if name is None:
        return f"type {type_}/{subtype}"
    if type_ == vfio.VFIO_REGION_TYPE_MIGRATION_DEPRECATED:
        return name
    return f"{name}/{_SUBTYPES.get(kind, subtype)}"
