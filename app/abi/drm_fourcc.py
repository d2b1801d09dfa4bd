"""``include/uapi/drm/drm_fourcc.h`` and the plane types of ``drm_mode.h``, with the kernel's names."""

DRM_PLANE_TYPE_OVERLAY = 0
DRM_PLANE_TYPE_PRIMARY = 1
DRM_PLANE_TYPE_CURSOR = 2


def fourcc_code(text: str) -> int:
    """The code of four ASCII characters; the first one is in the lowest byte."""
    a, b, c, d = text.encode("ascii")
    return a | b << 8 | c << 16 | d << 24


# Set in a fourcc whose pixel words are big-endian.
DRM_FORMAT_BIG_ENDIAN = 1 << 31

DRM_FORMAT_INVALID = 0
DRM_FORMAT_C8 = fourcc_code("C8  ")
DRM_FORMAT_R8 = fourcc_code("R8  ")
DRM_FORMAT_GR88 = fourcc_code("GR88")
DRM_FORMAT_RGB565 = fourcc_code("RG16")
DRM_FORMAT_BGR565 = fourcc_code("BG16")
DRM_FORMAT_XRGB1555 = fourcc_code("XR15")
DRM_FORMAT_ARGB1555 = fourcc_code("AR15")
DRM_FORMAT_RGB888 = fourcc_code("RG24")
DRM_FORMAT_BGR888 = fourcc_code("BG24")
DRM_FORMAT_XRGB8888 = fourcc_code("XR24")
DRM_FORMAT_ARGB8888 = fourcc_code("AR24")
DRM_FORMAT_XBGR8888 = fourcc_code("XB24")
DRM_FORMAT_ABGR8888 = fourcc_code("AB24")
DRM_FORMAT_RGBX8888 = fourcc_code("RX24")
DRM_FORMAT_RGBA8888 = fourcc_code("RA24")
DRM_FORMAT_BGRX8888 = fourcc_code("BX24")
DRM_FORMAT_BGRA8888 = fourcc_code("BA24")
DRM_FORMAT_XRGB2101010 = fourcc_code("XR30")
DRM_FORMAT_ARGB2101010 = fourcc_code("AR30")
DRM_FORMAT_XBGR2101010 = fourcc_code("XB30")
DRM_FORMAT_ABGR2101010 = fourcc_code("AB30")
DRM_FORMAT_YUYV = fourcc_code("YUYV")
DRM_FORMAT_YVYU = fourcc_code("YVYU")
DRM_FORMAT_UYVY = fourcc_code("UYVY")
DRM_FORMAT_VYUY = fourcc_code("VYUY")

DRM_FORMAT_MOD_VENDOR_NONE = 0
DRM_FORMAT_MOD_VENDOR_INTEL = 0x01
DRM_FORMAT_MOD_VENDOR_AMD = 0x02
DRM_FORMAT_MOD_VENDOR_NVIDIA = 0x03
DRM_FORMAT_MOD_VENDOR_SAMSUNG = 0x04
DRM_FORMAT_MOD_VENDOR_QCOM = 0x05
DRM_FORMAT_MOD_VENDOR_VIVANTE = 0x06
DRM_FORMAT_MOD_VENDOR_BROADCOM = 0x07
DRM_FORMAT_MOD_VENDOR_ARM = 0x08
DRM_FORMAT_MOD_VENDOR_ALLWINNER = 0x09
DRM_FORMAT_MOD_VENDOR_AMLOGIC = 0x0A
DRM_FORMAT_MOD_VENDOR_MTK = 0x0B
DRM_FORMAT_MOD_VENDOR_APPLE = 0x0C


def fourcc_mod_code(vendor: int, value: int) -> int:
    """A modifier: the vendor in the highest byte, the vendor's value in the others."""
    return vendor << 56 | value & 0x00FF_FFFF_FFFF_FFFF


DRM_FORMAT_MOD_LINEAR = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_NONE, 0)
DRM_FORMAT_MOD_INVALID = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_NONE, 0x00FF_FFFF_FFFF_FFFF)

I915_FORMAT_MOD_X_TILED = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 1)
I915_FORMAT_MOD_Y_TILED = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 2)
I915_FORMAT_MOD_Yf_TILED = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 3)
I915_FORMAT_MOD_Y_TILED_CCS = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 4)
I915_FORMAT_MOD_Yf_TILED_CCS = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 5)
I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 6)
I915_FORMAT_MOD_Y_TILED_GEN12_MC_CCS = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 7)
I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS_CC = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 8)
I915_FORMAT_MOD_4_TILED = fourcc_mod_code(DRM_FORMAT_MOD_VENDOR_INTEL, 9)
