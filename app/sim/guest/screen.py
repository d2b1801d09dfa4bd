"""One mode of the guest: its desktop, and the framebuffers that show it."""

from collections.abc import Callable

import numpy as np

from app.abi import drm_fourcc as drm
from app.device.guest_memory import Memory
from app.formats.decode import Rgba, Rows, decode, encode
from app.formats.fourcc import PixelFormat, fourcc_text
from app.formats.modifier import modifier_name
from app.formats.tiling import column_offsets, plane_size, row_offsets, tile
from app.formats.yuv import Matrix
from app.sim.config.spec import Spec
from app.sim.guest.animation import Animation
from app.sim.guest.desktop import draw_desktop
from app.sim.guest.drawing import PixelRect, merged

# This many rows are encoded at a time. They fit into the CPU cache, and are whole tiles of every tiling.
_BAND = 64


class Framebuffer:
    """Guest memory with the picture of flip number ``flip``; -1 before the first drawing."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.flip = -1


class Screen:
    """A desktop of one size and format. A framebuffer is allocated when it is first drawn.

    ``number`` is unique among the screens of a guest. With ``one_colour`` the desktop is black and nothing moves.
    """

    def __init__(
        self,
        number: int,
        width: int,
        height: int,
        pixel_format: PixelFormat,
        modifier: int,
        stride: int,
        matrix: Matrix,
        labels: tuple[tuple[str, str], ...],
        allocate: Callable[[int], Memory],
        *,
        one_colour: bool = False,
    ) -> None:
        self.number = number
        self.width = width
        self.height = height
        self.format = pixel_format
        self.modifier = modifier
        self.stride = stride
        self.size = plane_size(modifier, pixel_format.bytes_per_pixel, stride, height)
        self._matrix = matrix
        self._allocate = allocate
        desktop = draw_desktop(width, height, labels)
        self._desktop = desktop.rgba
        self.one_colour = one_colour
        if one_colour:
            self._desktop[..., :3] = 0
        self._animation = Animation(desktop)
        self._framebuffers: dict[int, Framebuffer] = {}
        # The place of a pixel in a tiled plane, in pixels, is the sum of its column's number and its row's number.
        size = pixel_format.bytes_per_pixel
        across = np.arange(0, pixel_format.row_bytes(width), size)
        self._columns = column_offsets(modifier, size, across) // size
        self._lines = row_offsets(modifier, size, stride, np.arange(height)) // size

    def framebuffer(self, index: int, flip: int) -> Framebuffer:
        """Framebuffer ``index`` with the picture of ``flip``. Draws it if it was not drawn yet."""
        target = self._framebuffers.get(index)
        if target is None:
            target = Framebuffer(self._allocate(self.size))
            self._framebuffers[index] = target
            self._write_all(target, flip)
        elif target.flip != flip:
            self._move(target, flip)
        return target

    def picture(self, flip: int) -> Rgba:
        """The picture of that flip with the precision of the format: a new array, shape (height, width, 4)."""
        rgba = self._desktop.copy()
        self._draw(flip, rgba, 0, 0)
        return decode(encode(rgba, self.format, self._matrix), self.format, self.width, self._matrix)

    def _draw(self, flip: int, patch: Rgba, left: int, top: int) -> None:
        if not self.one_colour:
            self._animation.draw(flip, patch, left, top)

    def invalidate(self) -> None:
        """Another mode has drawn into the memory: draw all of it next time."""
        self._framebuffers = {}

    @property
    def exported(self) -> bool:
        """Whether somebody holds an export of one of the framebuffers."""
        return any(each.memory.exported for each in self._framebuffers.values())

    def close(self) -> None:
        """Free the framebuffers; more calls do nothing."""
        framebuffers, self._framebuffers = self._framebuffers, {}
        for each in framebuffers.values():
            each.memory.close()

    def _write_all(self, target: Framebuffer, flip: int) -> None:
        size = self.format.bytes_per_pixel
        for top in range(0, self.height, _BAND):
            rows = encode(self._desktop[top : top + _BAND], self.format, self._matrix)
            tile(rows, self.modifier, size, self.stride, out=target.memory.data[top * self.stride :])
        self._move(target, flip)

    def _move(self, target: Framebuffer, flip: int) -> None:
        """Draw another flip: only the rectangles that differ in the old or the new flip."""
        damage = self._animation.rects(flip)
        if target.flip >= 0:
            damage += self._animation.rects(target.flip)
        for rect in merged(damage):
            self._redraw(target, rect, flip)
        target.flip = flip
        target.memory.written()

    def _redraw(self, target: Framebuffer, rect: PixelRect, flip: int) -> None:
        # Pixels that share bytes are drawn together.
        group = self.format.width_multiple
        left = rect.left // group * group
        right = min(self.width, -(-rect.right // group) * group)
        patch = self._desktop[rect.top : rect.bottom, left:right].copy()
        self._draw(flip, patch, left, rect.top)
        self._write(target, left, rect.top, encode(patch, self.format, self._matrix))

    def _write(self, target: Framebuffer, left: int, top: int, rows: Rows) -> None:
        size = self.format.bytes_per_pixel
        height, row_bytes = rows.shape
        start = left * size
        if self.modifier == drm.DRM_FORMAT_MOD_LINEAR:
            plane = target.memory.data[: self.size].reshape(self.height, self.stride)
            plane[top : top + height, start : start + row_bytes] = rows
            return
        columns = self._columns[left : left + row_bytes // size]
        lines = self._lines[top : top + height, np.newaxis]
        target.memory.data[: self.size].view(f"<u{size}")[lines + columns] = rows.view(f"<u{size}")


def make_screen(
    spec: Spec, number: int, mode: tuple[int, int], allocate: Callable[[int], Memory], *, one_colour: bool = False
) -> Screen:
    """The screen of a guest in that mode, its width and height."""
    width, height = mode
    stride = spec.stride if mode == (spec.width, spec.height) else spec.stride_for(width)
    labels = (
        ("device", f"{spec.profile} (simulated)"),
        ("mode", f"{width}x{height}"),
        ("format", f"{fourcc_text(spec.fourcc)} {spec.format.name}"),
        ("layout", modifier_name(spec.modifier)),
        ("stride", f"{stride} bytes"),
        ("flips", f"{spec.fps:g} per second" if spec.fps else "none"),
        ("buffers", f"{spec.buffers}"),
    )
    return Screen(
        number,
        width,
        height,
        spec.format,
        spec.modifier,
        stride,
        spec.matrix,
        labels,
        allocate,
        one_colour=one_colour,
    )
