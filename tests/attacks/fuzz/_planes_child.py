"""Draws the random planes of :mod:`tests.attacks.fuzz.planes`: ``python -m ... SEED FIRST COUNT``.

Prints ``case N`` before each case, then ``counts OUTCOME`` or ``fault TEXT``.
"""

import mmap
import random
import resource
import signal
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.decode import decode
from app.formats.fourcc import Family, known_formats, pixel_format
from app.formats.modifier import tile_of
from app.planes.check import bytes_needed, check_plane
from app.planes.frame import Frame, Surface
from app.planes.outcome import Outcome, PixelPath
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from gl.capture import CaptureKind
from gl.context import SurfacelessContext
from gl.debug import DebugLog
from gl.errors import GlError
from gl.renderer import Renderer
from tests.attacks.fuzz._memory import EXPORTERS, FuzzMemory
from tests.conftest import open_files
from tests.gl.record import SurvivingRecord
from tests.gl.surfaces import Bytes, window

_MODIFIERS = (
    drm.DRM_FORMAT_MOD_LINEAR,
    drm.DRM_FORMAT_MOD_INVALID,
    drm.I915_FORMAT_MOD_X_TILED,
    drm.I915_FORMAT_MOD_Y_TILED,
    drm.I915_FORMAT_MOD_Yf_TILED,
    drm.I915_FORMAT_MOD_4_TILED,
    drm.I915_FORMAT_MOD_Y_TILED_CCS,
    drm.fourcc_mod_code(drm.DRM_FORMAT_MOD_VENDOR_AMD, 0x1234),
)
_EDGES = (0, 1, 2, 3, 63, 64, 65, 4095, 4096, 16384, 16385, 65535, 2**31 - 1, 2**31, 2**32 - 1)
# The largest buffer, and the largest picture in pixels: a case takes milliseconds.
_MAX_BYTES = 4 << 20
_MAX_PIXELS = 1 << 19
_ADDRESS_SPACE = 8 << 30
# A case that takes longer hangs: the signal ends the process, and its case is reported.
_CASE_S = 60
# What a renderer on the CPU may import.
_IMPORTABLE = ("udmabuf", "simulated", "sealed")
_OK = Status(Reason.OK)


def random_plane(rng: random.Random, kind: PlaneKind) -> Plane:
    """A plausible plane; one in three has a few values that no driver should report."""
    known = rng.choice(known_formats())
    modifier = rng.choice(_MODIFIERS) if rng.random() < 0.4 else drm.DRM_FORMAT_MOD_LINEAR
    width = rng.choice((1, 2, 3, 33, 64, 65, 640, 1366)) if rng.random() < 0.5 else rng.randint(1, 300)
    height = rng.choice((1, 2, 3, 7, 8, 9, 31, 32, 33, 128)) if rng.random() < 0.5 else rng.randint(1, 100)
    row = known.row_bytes(width)
    stride = row + rng.choice((0, 0, 1, 2, 3, 4, rng.randint(0, 300)))
    unit = rng.choice((1, 4, 16, 64, 256))
    tile = tile_of(modifier, known.bytes_per_pixel)
    if tile is not None:
        unit = tile.width_bytes
    stride = -(-stride // unit) * unit
    plane = Plane(
        kind=kind,
        backing=Backing.DMABUF,
        fourcc=known.fourcc,
        modifier=modifier,
        width=width,
        height=height,
        stride=stride,
        size=stride * height,
        x=rng.randint(-100, 100),
        y=rng.randint(-100, 100),
        hot_x=None,
        hot_y=None,
        handle=1,
        offset=rng.choice((0, 0, 0, 1, 3, 4, 17, 64, 100, 4096, 5000)),
        y_inverted=rng.random() < 0.3,
    )
    if rng.random() < 1 / 3:
        for name in rng.sample(
            ("fourcc", "width", "height", "stride", "offset", "modifier", "x", "y"), rng.randint(1, 3)
        ):
            changed: dict[str, Any] = {name: rng.choice(_EDGES) if rng.random() < 0.7 else rng.getrandbits(32)}
            plane = replace(plane, **changed)
    return plane


def expected_pixels(plane: Plane, data: Bytes) -> Bytes | None:
    """What the CPU decodes, a byte at a time; None if it does not know the layout."""
    known = pixel_format(plane.fourcc)
    assert known is not None
    modifier = drm.DRM_FORMAT_MOD_LINEAR if plane.modifier == drm.DRM_FORMAT_MOD_INVALID else plane.modifier
    if not tiling.can_tile(modifier, known.bytes_per_pixel):
        return None
    columns, lines = np.arange(known.row_bytes(plane.width)), np.arange(plane.height)[:, np.newaxis]
    addresses = plane.offset + tiling.address(modifier, known.bytes_per_pixel, plane.stride, columns, lines)
    pixels = decode(data[addresses], known, plane.width)
    return pixels[::-1] if plane.y_inverted else pixels


class Fuzzer:
    """Runs cases with one renderer, as a program runs for hours."""

    def __init__(self, context: SurfacelessContext) -> None:
        self._renderer = Renderer(context)
        self._log = DebugLog(context)
        self._target_owner = window(context, 64, 48)
        self._target, _ = self._target_owner.__enter__()

    def run(self, rng: random.Random) -> str:
        """One case. Returns its outcome; raises AssertionError for a fault."""
        memories: list[FuzzMemory] = []
        try:
            surfaces = [self._surface(rng, kind, memories) for kind in PlaneKind]
            return self._draw(rng, surfaces[0], surfaces[1], memories[0])
        finally:
            for each in memories:
                each.release()
            self._renderer.drop_released()

    def _surface(self, rng: random.Random, kind: PlaneKind, memories: list[FuzzMemory]) -> Surface:
        plane = random_plane(rng, kind)
        needed = bytes_needed(plane) if 0 < plane.width < 1 << 20 and 0 < plane.height < 1 << 20 else 4096
        size = max(1, min(needed, _MAX_BYTES) + rng.choice((0, 0, 0, 0, -1, 1, 4096, rng.randint(-5000, 5000))))
        exporter = rng.choice(EXPORTERS)
        memory = FuzzMemory(exporter, np.frombuffer(rng.randbytes(size), np.uint8), rng)
        memories.append(memory)
        return Surface(replace(plane, backing=memory.backing), memory.buffer)

    def _draw(self, rng: random.Random, surface: Surface, cursor: Surface, memory: FuzzMemory) -> str:
        renderer, plane = self._renderer, surface.plane
        if plane.width * plane.height > _MAX_PIXELS and check_plane(plane, memory.buffer.size) is None:
            return "left out for its size"
        shown = Frame(_OK, surface, cursor if rng.random() < 0.5 else None)
        # The kernel puts the next mapping, the driver's, below this one: a read beyond its end is a death.
        with mmap.mmap(-1, mmap.PAGESIZE, prot=0):
            outcome = renderer.outcome(surface)
            vanished = memory.shorten(rng)
            try:
                drawn = renderer.capture(shown, CaptureKind.PRIMARY)
                renderer.draw(shown, self._target)
            except GlError as error:
                return f"GlError: {error.operation}"
            outcome = renderer.outcome(surface)
        imported = outcome.path is PixelPath.EGL_IMAGE
        assert not imported or memory.exporter in _IMPORTABLE, f"imported: {plane} {memory.exporter}"
        self._compare(surface, memory, drawn, outcome, vanished)
        assert not self._log.serious(), f"OpenGL reported {self._log.serious()}"
        path = outcome.path.value if outcome.path else "none"
        return f"{memory.exporter} {path} {outcome.status.reason.key}"

    def _compare(
        self, surface: Surface, memory: FuzzMemory, drawn: Bytes | None, outcome: Outcome, vanished: bool
    ) -> None:
        plane = surface.plane
        possible = check_plane(plane, memory.buffer.size) is None
        if drawn is None:
            known = pixel_format(plane.fourcc)
            if not possible or known is None or vanished or not memory.readable:
                return
            linear = plane.modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID)
            layout_known = linear or tiling.can_tile(plane.modifier, known.bytes_per_pixel)
            assert not layout_known, f"not drawn: {plane} {memory.exporter} {outcome}"
            return
        assert possible, f"drawn although it is impossible: {plane} {memory.buffer.size} {outcome}"
        if vanished:
            return
        expected = expected_pixels(plane, memory.data)
        assert expected is not None, f"drawn although its layout is not known: {plane} {outcome}"
        known = pixel_format(plane.fourcc)
        tolerance = 2 if known is not None and known.family is Family.YUV422 else 1
        wrong = (np.abs(drawn[..., :3].astype(int) - expected[..., :3]) > tolerance).any(axis=2)
        assert not wrong.any(), f"{int(wrong.sum())} wrong pixels: {plane} {memory.exporter} {outcome}"

    def close(self) -> None:
        self._target_owner.__exit__(None, None, None)
        self._log.close()
        self._renderer.release()


def main() -> None:
    seed, first, count = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with SurfacelessContext(debug=True, record=SurvivingRecord()) as context:
        fuzzer = Fuzzer(context)
        files = None
        for case in range(first, first + count):
            print(f"case {case}", flush=True)
            signal.alarm(_CASE_S)
            try:
                print(f"counts {fuzzer.run(random.Random(f'{seed} {case}'))}")
            except Exception as error:
                print("fault " + f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)
            if case == first + 20:
                files = open_files()
        signal.alarm(0)
        fuzzer.close()
        left = open_files() - files if files is not None else None
        if left:
            print(f"fault left open: {dict(left)}", flush=True)


if __name__ == "__main__":
    main()
