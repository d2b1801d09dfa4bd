"""Which type of vGPU takes a mode that the type of this one does not."""

import re
from dataclasses import dataclass

from app.edid.mode import MAX_EDGE, Limits, Mode
from app.host.mdev import MdevType, mdev_types
from app.host.paths import HOST, Paths, text_of
from app.host.vgpu import Vgpu
from app.text.clean import clean

# GVT-g: "resolution: 1920x1200" (intel_vgpu_show_description() in drivers/gpu/drm/i915/gvt/kvmgt.c). NVIDIA's driver:
# "num_heads=4, frl_config=60, framebuffer=2048M, max_resolution=4096x2160, max_instance=8".
_RESOLUTION = re.compile(r"\b(?:max_)?resolution\s*[:=]\s*(\d{1,9})x(\d{1,9})\b", re.ASCII)
# mbochs_show_description() in samples/vfio-mdev/mbochs.c; the limits are in mbochs_types[] there.
_MEMORY = re.compile(r"virtual display, (\d{1,6}) MB video memory", re.ASCII)
_MBOCHS = {"small": Limits(800, 600), "medium": Limits(1920, 1440), "large": Limits()}
_BYTES_PER_PIXEL = 4


@dataclass(frozen=True, slots=True)
class SizedType:
    """A type of mdev whose largest mode is known. ``memory`` has the framebuffer, in bytes; None if that is no limit.

    ``left`` is the number of devices that could be created, None if the driver does not tell it.
    """

    id: str
    limits: Limits
    memory: int | None = None
    left: int | None = None

    def takes(self, mode: Mode) -> bool:
        fits = self.memory is None or mode.width * mode.height * _BYTES_PER_PIXEL <= self.memory
        return fits and self.limits.allow(mode.width, mode.height)

    def __str__(self) -> str:
        if self.limits.max_width and self.limits.max_height:
            size = f"{self.limits.max_width}x{self.limits.max_height}"
        else:
            size = "any size" if self.memory is None else f"{self.memory >> 20} MB of video memory"
        left = {None: "", 0: ", none left now"}.get(self.left, f", {self.left} left")
        return f"{clean(self.id)} ({size}{left})"


def sized_type(kind: MdevType, description: str) -> SizedType | None:
    """What the description of a type tells about its largest mode; None if it does not tell exactly one."""
    memory = _MEMORY.fullmatch(description.strip())
    if memory is not None:
        limits = _MBOCHS.get(kind.id.rpartition("-")[2])
        return SizedType(kind.id, limits, int(memory[1]) << 20, kind.left) if limits is not None else None
    sizes = {(int(width), int(height)) for width, height in _RESOLUTION.findall(description)}
    if len(sizes) != 1:
        return None
    (width, height) = sizes.pop()
    if not (0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE):
        return None
    return SizedType(kind.id, Limits(width, height), None, kind.left)


def sibling_types(vgpu: Vgpu | None, paths: Paths = HOST) -> tuple[SizedType, ...]:
    """The sized types, other than its own, that the parent of a vGPU makes now. Some small reads of sysfs."""
    if vgpu is None or vgpu.simulated or vgpu.parent is None or vgpu.uuid is None:
        return ()
    types = [each for each in mdev_types(paths, vgpu.parent) if each.id != vgpu.type_id]
    sized = (sized_type(each, text_of(each.folder / "description") or "") for each in types)
    return tuple(each for each in sized if each is not None)


def larger_type(mode: Mode, own: Limits, types: tuple[SizedType, ...]) -> str:
    """A sentence about a type that takes ``mode``, or else about the largest one; empty if none is larger.

    ``own`` are the limits of the vGPU, which ``mode`` exceeds. Of several types that take it, the smallest is named,
    one that can be created before others.
    """
    taking = [each for each in types if each.takes(mode)]
    if taking:
        best = min(taking, key=lambda each: (each.left == 0, _area(each), each.id))
        return f"a larger type takes it: {best}"
    larger = [each for each in types if _is_larger(each.limits, own)]
    if larger:
        best = max(larger, key=lambda each: (_area(each), each.left != 0, each.id))
        return f"a larger type, which does not take it either: {best}"
    return ""


def _is_larger(limits: Limits, own: Limits) -> bool:
    """Whether every mode within ``own`` is within ``limits``, and some mode more."""
    width, height = own.max_width or MAX_EDGE, own.max_height or MAX_EDGE
    return limits.allow(width, height) and (_edge(limits.max_width) > width or _edge(limits.max_height) > height)


def _area(kind: SizedType) -> int:
    area = _edge(kind.limits.max_width) * _edge(kind.limits.max_height)
    return area if kind.memory is None else min(area, kind.memory // _BYTES_PER_PIXEL)


def _edge(limit: int | None) -> int:
    return limit or MAX_EDGE
