"""The text after ``sim:``, which describes the simulated device.

``PROFILE[,key=value...]`` with PROFILE one of gvt, mbochs, mdpy. Keys:

=========== ====================================================================== ===================================
key         value                                                                  default
=========== ====================================================================== ===================================
format      fourcc of the primary plane (XR24, RG16, C8, YUYV, ...)                XR24
modifier    LINEAR, X, Y, Yf, 4 or a long name such as INTEL_X_TILED; gvt only     LINEAR
size        WxH, 64x64 to 7680x4320                                                1920x1080; mbochs, mdpy 1024x768
fps         flips a second, up to 1000; 0 freezes everything, the cursor too       60
buffers     framebuffers among which the guest flips, 1 to 8; gvt only             3; mbochs, mdpy 1
stride      bytes per row; tilings need whole tiles                                the least the device would use
matrix      bt601, bt709: the encoding of YUV formats                              bt601
cursor      on, off; gvt only                                                      on; mbochs, mdpy off
hot         XxY, the reported hot spot, or unknown                                 unknown
module      mbochs (as shipped), mbochs_rw (exports for reading and writing)       mbochs_rw
fault       see :mod:`app.sim.config.fault`                                               none
=========== ====================================================================== ===================================
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from app.abi import drm_fourcc as drm
from app.formats.fourcc import PixelFormat, fourcc_text, known_formats, parse_fourcc, pixel_format
from app.formats.modifier import tile_of
from app.formats.yuv import Matrix
from app.sim.config.fault import Fault, parse_faults
from app.sim.config.spec_words import CHOICES, PROFILES

_MIN_EDGE = 64
_MAX_WIDTH = 7680
_MAX_HEIGHT = 4320
_MAX_STRIDE = 1 << 18
_MAX_FPS = 1000.0
_MAX_BUFFERS = 8

# i915 scans out linear planes with strides of whole cache lines. The stride of the sample drivers has no padding.
_GVT_STRIDE_ALIGNMENT = 64

_MODIFIERS = {
    "linear": drm.DRM_FORMAT_MOD_LINEAR,
    "x": drm.I915_FORMAT_MOD_X_TILED,
    "y": drm.I915_FORMAT_MOD_Y_TILED,
    "yf": drm.I915_FORMAT_MOD_Yf_TILED,
    "4": drm.I915_FORMAT_MOD_4_TILED,
}
_SHORT_NAMES = {value: name for name, value in _MODIFIERS.items()}


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed specification. ``str`` returns it as text with all keys."""

    profile: str
    fourcc: int = drm.DRM_FORMAT_XRGB8888
    modifier: int = drm.DRM_FORMAT_MOD_LINEAR
    width: int = 1024
    height: int = 768
    fps: float = 60.0
    buffers: int = 1
    stride: int = 0
    matrix: Matrix = Matrix.BT601
    cursor: bool = False
    hot: tuple[int, int] | None = None
    module: str = "mbochs_rw"
    faults: tuple[Fault, ...] = ()

    @property
    def format(self) -> PixelFormat:
        known = pixel_format(self.fourcc)
        assert known is not None, "parse_spec accepts only known formats"
        return known

    def stride_for(self, width: int) -> int:
        """The smallest stride in bytes that the simulated device uses for ``width`` pixels."""
        row_bytes = self.format.row_bytes(width)
        tile = tile_of(self.modifier, self.format.bytes_per_pixel)
        linear_unit = _GVT_STRIDE_ALIGNMENT if self.profile == "gvt" else 1
        unit = linear_unit if tile is None else tile.width_bytes
        return -(-row_bytes // unit) * unit

    def __str__(self) -> str:
        words = [
            self.profile,
            f"format={fourcc_text(self.fourcc)}",
            f"modifier={_SHORT_NAMES[self.modifier]}",
            f"size={self.width}x{self.height}",
            f"fps={self.fps!r}",
            f"buffers={self.buffers}",
            f"stride={self.stride}",
            f"matrix={self.matrix.label}",
            f"cursor={'on' if self.cursor else 'off'}",
            f"hot={'unknown' if self.hot is None else '{}x{}'.format(*self.hot)}",
        ]
        if self.profile == "mbochs":
            words.append(f"module={self.module}")
        if self.faults:
            words.append("fault=" + "+".join(str(each) for each in self.faults))
        return ",".join(words)


def in_range(width: int, height: int) -> bool:
    """Whether a simulated guest can have a mode of that size."""
    return _MIN_EDGE <= width <= _MAX_WIDTH and _MIN_EDGE <= height <= _MAX_HEIGHT


_DEFAULTS = {
    "gvt": Spec("gvt", width=1920, height=1080, buffers=3, cursor=True),
    "mbochs": Spec("mbochs"),
    "mdpy": Spec("mdpy"),
}


def parse_spec(text: str) -> Spec:
    """Parse the text after ``sim:``. Raises ValueError with one sentence: what is wrong, and what is accepted."""
    profile, *words = text.split(",")
    if profile not in PROFILES:
        raise ValueError(f"unknown simulated device {profile!r}; {_known('known are', profile, PROFILES)}")
    values: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r} is not of the form key=value")
        if key not in _PARSERS:
            raise ValueError(f"unknown key {key!r} for sim:{profile}; {_known('keys are', key, tuple(_PARSERS))}")
        if key in values:
            raise ValueError(f"key {key!r} is given twice")
        values[key] = value
    changes: dict[str, Any] = {}
    for key, value in values.items():
        changes |= _PARSERS[key](value)
    spec = replace(_DEFAULTS[profile], **changes)
    _check(spec)
    return spec if spec.stride else replace(spec, stride=spec.stride_for(spec.width))


def _known(words: str, typed: str, names: tuple[str, ...]) -> str:
    near = get_close_matches(typed, names, 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{words} {', '.join(names)}{hint}"


def _check(spec: Spec) -> None:
    """Check conditions on more than one key. Raises ValueError."""
    size = spec.format.bytes_per_pixel
    name = fourcc_text(spec.fourcc)
    tiled = spec.modifier != drm.DRM_FORMAT_MOD_LINEAR
    if tiled and (tile_of(spec.modifier, size) is None or size == 3):
        raise ValueError(f"modifier={_SHORT_NAMES[spec.modifier]} has no layout for the {size} bytes of {name}")
    if spec.profile != "gvt":
        if spec.modifier != drm.DRM_FORMAT_MOD_LINEAR:
            raise ValueError(f"sim:{spec.profile} is linear only, as the driver is")
        if spec.cursor:
            raise ValueError(f"sim:{spec.profile} has no cursor plane, as the driver has none")
        if spec.buffers != 1:
            raise ValueError(f"sim:{spec.profile} has one framebuffer, as the driver has")
    if spec.stride:
        least = spec.format.row_bytes(spec.width)
        if spec.stride < least:
            raise ValueError(f"stride={spec.stride} is too small: {spec.width} pixels of {name} take {least} bytes")
        tile = tile_of(spec.modifier, size)
        if tile is not None and spec.stride % tile.width_bytes:
            raise ValueError(f"stride={spec.stride} is no multiple of the tile's {tile.width_bytes} bytes")


def _whole(key: str, value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
        raise ValueError(f"{key}={value!r} is not a whole number from {least} to {most}")
    return int(value)


def _pair(key: str, value: str) -> tuple[str, str]:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", value)
    if match is None:
        raise ValueError(f"{key}={value!r} is not of the form WIDTHxHEIGHT, such as 1920x1080")
    return match.group(1), match.group(2)


def _one_of(key: str, value: str, names: tuple[str, ...]) -> str:
    if value not in names:
        raise ValueError(f"{key}={value!r} is not known; {_known('known are', value, names)}")
    return value


def _format(value: str) -> dict[str, Any]:
    try:
        fourcc = parse_fourcc(value.upper())
    except ValueError:
        fourcc = drm.DRM_FORMAT_INVALID
    if pixel_format(fourcc) is None:
        names = tuple(fourcc_text(each.fourcc) for each in known_formats())
        raise ValueError(f"format={value!r} is not known; {_known('known are', value, names)}")
    return {"fourcc": fourcc}


def _modifier(value: str) -> dict[str, Any]:
    short = re.sub(r"^(?:intel_|i915_format_mod_)|_tiled$", "", value.lower())
    short = re.sub(r"_tiled$", "", short)
    if short not in _MODIFIERS:
        raise ValueError(f"modifier={value!r} is not known; {_known('known are', value, CHOICES['modifier'])}")
    return {"modifier": _MODIFIERS[short]}


def _size(value: str) -> dict[str, Any]:
    width, height = (int(each) for each in _pair("size", value))
    if not in_range(width, height):
        limits = f"{_MIN_EDGE}x{_MIN_EDGE} to {_MAX_WIDTH}x{_MAX_HEIGHT}"
        raise ValueError(f"size={value} is outside {limits}")
    return {"width": width, "height": height}


def _fps(value: str) -> dict[str, Any]:
    try:
        fps = float(value)
    except ValueError:
        fps = -1.0
    if not (fps == 0 or 0.01 <= fps <= _MAX_FPS):
        raise ValueError(f"fps={value!r} is neither 0 nor a number from 0.01 to {_MAX_FPS:g}")
    return {"fps": fps}


def _hot(value: str) -> dict[str, Any]:
    if value == "unknown":
        return {"hot": None}
    x, y = _pair("hot", value)
    return {"hot": (_whole("hot", x, 0, 64), _whole("hot", y, 0, 64))}


_PARSERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "format": _format,
    "modifier": _modifier,
    "size": _size,
    "fps": _fps,
    "buffers": lambda value: {"buffers": _whole("buffers", value, 1, _MAX_BUFFERS)},
    "stride": lambda value: {"stride": _whole("stride", value, 1, _MAX_STRIDE)},
    "matrix": lambda value: {"matrix": Matrix[_one_of("matrix", value, CHOICES["matrix"]).upper()]},
    "cursor": lambda value: {"cursor": _one_of("cursor", value, CHOICES["cursor"]) == "on"},
    "hot": _hot,
    "module": lambda value: {"module": _one_of("module", value, CHOICES["module"])},
    "fault": lambda value: {"faults": parse_faults(value)},
}
