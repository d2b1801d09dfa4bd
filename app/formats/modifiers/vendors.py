"""Which vendor a modifier belongs to, and what that vendor says of it.

Source of the numbers: ``include/uapi/drm/drm_fourcc.h``; the names are libdrm's (drmGetFormatModifierVendor).
"""

from collections.abc import Callable

from app.abi import drm_fourcc as drm
from app.formats.modifiers import amd, arm, fixed, nvidia, others
from app.formats.modifiers.description import VALUE_BITS, Description, Layout

_VENDORS: dict[int, tuple[str, str, Callable[[int], Description]]] = {
    drm.DRM_FORMAT_MOD_VENDOR_NONE: ("NONE", "no vendor", fixed.describe_none),
    drm.DRM_FORMAT_MOD_VENDOR_INTEL: ("INTEL", "Intel", fixed.describe_intel),
    drm.DRM_FORMAT_MOD_VENDOR_AMD: ("AMD", "AMD", amd.describe_amd),
    drm.DRM_FORMAT_MOD_VENDOR_NVIDIA: ("NVIDIA", "NVIDIA", nvidia.describe_nvidia),
    drm.DRM_FORMAT_MOD_VENDOR_SAMSUNG: ("SAMSUNG", "Samsung", fixed.describe_samsung),
    drm.DRM_FORMAT_MOD_VENDOR_QCOM: ("QCOM", "Qualcomm", fixed.describe_qcom),
    drm.DRM_FORMAT_MOD_VENDOR_VIVANTE: ("VIVANTE", "Vivante", others.describe_vivante),
    drm.DRM_FORMAT_MOD_VENDOR_BROADCOM: ("BROADCOM", "Broadcom", others.describe_broadcom),
    drm.DRM_FORMAT_MOD_VENDOR_ARM: ("ARM", "Arm", arm.describe_arm),
    drm.DRM_FORMAT_MOD_VENDOR_ALLWINNER: ("ALLWINNER", "Allwinner", fixed.describe_allwinner),
    drm.DRM_FORMAT_MOD_VENDOR_AMLOGIC: ("AMLOGIC", "Amlogic", others.describe_amlogic),
    drm.DRM_FORMAT_MOD_VENDOR_MTK: ("MTK", "MediaTek", others.describe_mtk),
    drm.DRM_FORMAT_MOD_VENDOR_APPLE: ("APPLE", "Apple", fixed.describe_apple),
}
_VALUE_MASK = (1 << VALUE_BITS) - 1


def vendor_name(modifier: int) -> str | None:
    """The vendor as libdrm writes it ("QCOM"); None for a number that the header does not define."""
    vendor = _VENDORS.get(modifier >> VALUE_BITS)
    return vendor[0] if vendor else None


def vendor_code(name: str) -> int | None:
    """The number of a vendor by the name of :func:`vendor_name`."""
    return next((code for code, vendor in _VENDORS.items() if vendor[0] == name), None)


def vendor_label(modifier: int) -> str:
    """The vendor as a person writes it ("Qualcomm")."""
    vendor = _VENDORS.get(modifier >> VALUE_BITS)
    return vendor[1] if vendor else f"unknown vendor 0x{modifier >> VALUE_BITS:02x}"


def describe(modifier: int) -> Description:
    """What the 64 bits of a modifier mean. Never fails."""
    vendor = _VENDORS.get(modifier >> VALUE_BITS)
    if vendor is None:
        reserved = modifier & _VALUE_MASK
        return Description(None, Layout.UNKNOWN, "the kernel's header has no vendor of this number", reserved=reserved)
    return vendor[2](modifier & _VALUE_MASK)


def vendor_modifiers() -> tuple[int, ...]:
    """Every modifier without parameters, and every combination where there are few."""
    codes = {name: code for code, (name, _, _) in _VENDORS.items()}
    listed = {**fixed.VALUES, **others.VALUES, "NVIDIA": (nvidia.TEGRA_TILED,), "ARM": (1 << 52 | 1, 1 << 52 | 2)}
    return tuple(drm.fourcc_mod_code(codes[name], value) for name, values in listed.items() for value in values)
