"""Pixel formats that this program can show: how the bytes of a plane become pixels.

Source: ``include/uapi/drm/drm_fourcc.h``. The table has every format that GVT-g, mbochs, mdpy and virtio-gpu can
report. All of them have one memory plane. ``layout`` has the memory layout of all other formats.
"""

from dataclasses import dataclass
from enum import Enum

from app.abi import drm_fourcc as drm
from app.formats.layout import known_layout


class Family(Enum):
    """How the bytes of a pixel become a colour."""

    RGB = "rgb"
    GREY = "grey"
    YUV422 = "yuv422"


@dataclass(frozen=True, slots=True)
class Channel:
    """The bits of one channel. ``shift`` counts from the least significant bit of the little-endian pixel word."""

    shift: int
    bits: int


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The layout of one format.

    ``bytes_per_pixel`` is the mean number of bytes (2 for packed 4:2:2). ``width_multiple`` is the number of pixels
    that share bytes. ``red`` to ``alpha`` are None if the format is not RGB; ``alpha`` is None for X formats too. For
    4:2:2, ``luma`` and ``chroma`` are byte positions in a group of two pixels: (Y0, Y1) and (Cb, Cr).
    """

    fourcc: int
    name: str
    family: Family
    bytes_per_pixel: int
    red: Channel | None = None
    green: Channel | None = None
    blue: Channel | None = None
    alpha: Channel | None = None
    width_multiple: int = 1
    luma: tuple[int, int] = (0, 0)
    chroma: tuple[int, int] = (0, 0)

    @property
    def has_alpha(self) -> bool:
        return self.alpha is not None

    def row_bytes(self, width: int) -> int:
        """The number of bytes of ``width`` pixels, without padding."""
        groups = -(-width // self.width_multiple)
        return groups * self.width_multiple * self.bytes_per_pixel


def _rgb(fourcc: int, name: str, size: int, r: str, g: str, b: str, a: str | None = None) -> PixelFormat:
    def channel(text: str | None) -> Channel | None:
        if text is None:
            return None
        shift, bits = text.split(":")
        return Channel(int(shift), int(bits))

    return PixelFormat(fourcc, name, Family.RGB, size, channel(r), channel(g), channel(b), channel(a))


def _yuv(fourcc: int, name: str, luma: tuple[int, int], chroma: tuple[int, int]) -> PixelFormat:
    return PixelFormat(fourcc, name, Family.YUV422, 2, width_multiple=2, luma=luma, chroma=chroma)


_TABLE = {
    each.fourcc: each
    for each in (
        PixelFormat(drm.DRM_FORMAT_C8, "C8", Family.GREY, 1),
        _rgb(drm.DRM_FORMAT_RGB565, "RGB565", 2, "11:5", "5:6", "0:5"),
        _rgb(drm.DRM_FORMAT_BGR565, "BGR565", 2, "0:5", "5:6", "11:5"),
        _rgb(drm.DRM_FORMAT_XRGB1555, "XRGB1555", 2, "10:5", "5:5", "0:5"),
        _rgb(drm.DRM_FORMAT_ARGB1555, "ARGB1555", 2, "10:5", "5:5", "0:5", "15:1"),
        _rgb(drm.DRM_FORMAT_RGB888, "RGB888", 3, "16:8", "8:8", "0:8"),
        _rgb(drm.DRM_FORMAT_BGR888, "BGR888", 3, "0:8", "8:8", "16:8"),
        _rgb(drm.DRM_FORMAT_XRGB8888, "XRGB8888", 4, "16:8", "8:8", "0:8"),
        _rgb(drm.DRM_FORMAT_ARGB8888, "ARGB8888", 4, "16:8", "8:8", "0:8", "24:8"),
        _rgb(drm.DRM_FORMAT_XBGR8888, "XBGR8888", 4, "0:8", "8:8", "16:8"),
        _rgb(drm.DRM_FORMAT_ABGR8888, "ABGR8888", 4, "0:8", "8:8", "16:8", "24:8"),
        _rgb(drm.DRM_FORMAT_RGBX8888, "RGBX8888", 4, "24:8", "16:8", "8:8"),
        _rgb(drm.DRM_FORMAT_RGBA8888, "RGBA8888", 4, "24:8", "16:8", "8:8", "0:8"),
        _rgb(drm.DRM_FORMAT_BGRX8888, "BGRX8888", 4, "8:8", "16:8", "24:8"),
        _rgb(drm.DRM_FORMAT_BGRA8888, "BGRA8888", 4, "8:8", "16:8", "24:8", "0:8"),
        _rgb(drm.DRM_FORMAT_XRGB2101010, "XRGB2101010", 4, "20:10", "10:10", "0:10"),
        _rgb(drm.DRM_FORMAT_ARGB2101010, "ARGB2101010", 4, "20:10", "10:10", "0:10", "30:2"),
        _rgb(drm.DRM_FORMAT_XBGR2101010, "XBGR2101010", 4, "0:10", "10:10", "20:10"),
        _rgb(drm.DRM_FORMAT_ABGR2101010, "ABGR2101010", 4, "0:10", "10:10", "20:10", "30:2"),
        _yuv(drm.DRM_FORMAT_YUYV, "YUYV", (0, 2), (1, 3)),
        _yuv(drm.DRM_FORMAT_YVYU, "YVYU", (0, 2), (3, 1)),
        _yuv(drm.DRM_FORMAT_UYVY, "UYVY", (1, 3), (0, 2)),
        _yuv(drm.DRM_FORMAT_VYUY, "VYUY", (1, 3), (2, 0)),
    )
}


def known_formats() -> tuple[PixelFormat, ...]:
    """Every format in the table."""
    return tuple(_TABLE.values())


def pixel_format(fourcc: int) -> PixelFormat | None:
    """The layout of ``fourcc``; None if it is not in the table."""
    return _TABLE.get(fourcc)


def format_name(fourcc: int) -> str:
    """The long name ("XRGB8888"); the four characters if the kernel's header does not have the format."""
    known = _TABLE.get(fourcc) or known_layout(fourcc)
    return known.name if known else fourcc_text(fourcc)


def fourcc_text(fourcc: int) -> str:
    """The four characters without trailing blanks ("C8"); hexadecimal if one of them is not printable."""
    text = fourcc.to_bytes(4, "little").decode("latin-1")
    if all("!" <= each <= "~" or each == " " for each in text) and text.strip():
        return text.rstrip(" ")
    return f"0x{fourcc:08x}"


def parse_fourcc(text: str) -> int:
    """The code of ``"XR24"`` or ``"C8"``. Raises ValueError if it is not 1 to 4 printable characters."""
    if not 1 <= len(text) <= 4 or not text.isascii() or not text.isprintable():
        raise ValueError(f"not a fourcc: {text!r}")
    return drm.fourcc_code(text.ljust(4))
