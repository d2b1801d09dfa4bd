"""The formats and modifiers that each driver of vGPUs can report, as its source says."""

import itertools
from dataclasses import dataclass, replace

from app.abi import drm_fourcc as drm


@dataclass(frozen=True, slots=True)
class EmittedFormat:
    """``planes`` are "primary", "cursor" or both. ``condition`` says on which hardware only; empty for all."""

    fourcc: int
    modifier: int
    planes: tuple[str, ...]
    condition: str = ""


@dataclass(frozen=True, slots=True)
class DriverFormats:
    """``source`` tells where it was read. ``region``: the pixels are in a region, which is never imported.

    ``readable`` is whether the CPU can read the buffers, as the copy path needs it. ``complete`` is False where the
    list has only what was seen, because the source is not public.
    """

    driver: str
    source: str
    formats: tuple[EmittedFormat, ...]
    region: bool = False
    readable: bool = True
    complete: bool = True
    exporter: str | None = None


_PRIMARY = ("primary",)
_CURSOR = ("cursor",)
_GEN_9 = "Gen 9 and later"

# skl_pixel_formats and bdw_pixel_formats. Those of Gen 8 are also formats of Gen 9.
_GVT_ALL = (
    drm.DRM_FORMAT_XRGB8888,
    drm.DRM_FORMAT_XBGR8888,
    drm.DRM_FORMAT_XRGB2101010,
    drm.DRM_FORMAT_XBGR2101010,
    drm.DRM_FORMAT_RGB565,
    drm.DRM_FORMAT_C8,
)
_GVT_GEN_9 = (
    drm.DRM_FORMAT_ARGB8888,
    drm.DRM_FORMAT_ABGR8888,
    drm.DRM_FORMAT_YUYV,
    drm.DRM_FORMAT_YVYU,
    drm.DRM_FORMAT_UYVY,
    drm.DRM_FORMAT_VYUY,
)
_GVT_TILINGS = (
    drm.DRM_FORMAT_MOD_LINEAR,
    drm.I915_FORMAT_MOD_X_TILED,
    drm.I915_FORMAT_MOD_Y_TILED,
    drm.I915_FORMAT_MOD_Yf_TILED,
)


def _gvt_formats() -> tuple[EmittedFormat, ...]:
    primary = [
        # Gen 8 has one bit for the tiling (DISPPLANE_TILED), which is X.
        EmittedFormat(
            fourcc, modifier, _PRIMARY, _GEN_9 if fourcc in _GVT_GEN_9 or modifier in _GVT_TILINGS[2:] else ""
        )
        for fourcc, modifier in itertools.product(_GVT_ALL + _GVT_GEN_9, _GVT_TILINGS)
    ]
    return (*primary, EmittedFormat(drm.DRM_FORMAT_ARGB8888, drm.DRM_FORMAT_MOD_LINEAR, _CURSOR))


GVT_G = DriverFormats(
    "GVT-g (i915)",
    "drivers/gpu/drm/i915/gvt/fb_decoder.c and dmabuf.c",
    _gvt_formats(),
    # vgpu_create_gem() makes an object without a file, so that i915_gem_dmabuf_mmap() answers ENODEV.
    readable=False,
    exporter="i915",
)
MBOCHS = DriverFormats(
    "mbochs",
    "samples/vfio-mdev/mbochs.c, mbochs_check_framebuffer()",
    (EmittedFormat(drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_MOD_LINEAR, _PRIMARY),),
    # As shipped it exports for reading only, and a mapping fails with EINVAL.
    readable=False,
)
MDPY = DriverFormats(
    "mdpy",
    "samples/vfio-mdev/mdpy.c, mdpy_query_gfx_plane()",
    (EmittedFormat(drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_MOD_LINEAR, _PRIMARY),),
    region=True,
)
NVIDIA = DriverFormats(
    "NVIDIA vGPU",
    "what users report: no public source",
    (
        EmittedFormat(drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_MOD_LINEAR, _PRIMARY),
        EmittedFormat(drm.DRM_FORMAT_ARGB8888, drm.DRM_FORMAT_MOD_LINEAR, _PRIMARY),
    ),
    region=True,
    complete=False,
)

# By the start of the mdev type, whose name comes from the parent's driver.
_BY_TYPE = (("i915-GVTg", GVT_G), ("mbochs", MBOCHS), ("mdpy", MDPY), ("nvidia-", NVIDIA))
# By the kernel module that registered the driver.
_BY_MODULE = {"kvmgt": GVT_G, "mbochs": MBOCHS, "mdpy": MDPY, "nvidia_vgpu_vfio": NVIDIA}


def driver_formats(type_id: str | None, module: str | None, *, simulated: bool) -> DriverFormats | None:
    """What the driver of a vGPU can report, by its mdev type or else by its module; None if that is not known.

    The CPU can read the buffers of a simulated device, and those of an mbochs that was changed.
    """
    by_type = (formats for start, formats in _BY_TYPE if type_id is not None and type_id.startswith(start))
    formats = next(by_type, None) or _BY_MODULE.get(module or "")
    if formats is MBOCHS and module != "mbochs":
        formats = replace(formats, readable=True)
    if formats is not None and simulated:
        formats = replace(formats, driver=f"{formats.driver}, simulated", readable=True)
    return formats
