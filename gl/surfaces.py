"""The texture cache: what became of each surface, kept as long as its buffer lives.

An entry is keyed by the buffer's serial number and the plane's layout. A flip between known buffers therefore
neither imports nor allocates; surfaces that are copied keep their storage and are filled again for each frame.
"""

from dataclasses import dataclass

import numpy as np

from app.abi import drm_fourcc as drm
from app.formats import tiling
from app.formats.modifier import modifier_name
from app.formats.pixel import PixelFormat, pixel_format
from app.planes.buffer import Buffer, DmaBuffer
from app.planes.check import fault_of
from app.planes.frame import Surface
from app.planes.plane import Plane
from app.planes.state import Reason, Status
from gl.compositor import Compositor, Image
from gl.context import Context
from gl.errors import GlError
from gl.formats import recipe_of
from gl.importer import Importer
from gl.outcome import ImportFailure, Outcome, Path
from gl.textures import UploadTexture

_Key = tuple[int, tuple[int, int, int, int, int]]

_NOTHING_WRONG = Status(Reason.OK)


class Copied:
    """A surface whose pixels the CPU moves: the texture, and how the plane's bytes get there."""

    def __init__(self, context: Context, plane: Plane, known: PixelFormat) -> None:
        recipe = recipe_of(known)
        stand_in = recipe.stand_ins[-1]
        texels = -(-plane.width // stand_in.pixels)
        self._plane = plane
        self._known = known
        self._linear = plane.modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID)
        self._upload = UploadTexture(context, stand_in, recipe.upload, (texels, plane.height))
        self.image = Image(self._upload.texture, known, stand_in.decode, plane.width, plane.height)

    def refresh(self, buffer: Buffer) -> None:
        """Bring the texture up to date with memory.

        Raises OSError when the buffer cannot be mapped, ValueError when it was released or its tiling is not known.
        """
        if buffer.released:
            raise ValueError("the buffer was released")
        # Arrays over the mapping must be gone when it is let go, so none gets a name here.
        with buffer.pixels() as memory:
            if self._linear:
                self._upload.send(np.frombuffer(memory, np.uint8), self._plane.stride)
            else:
                self._upload.send(*self._detiled(memory))

    def _detiled(self, memory: memoryview) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], int]:
        plane, known = self._plane, self._known
        rows = tiling.detile(
            memory,
            plane.modifier,
            known.bytes_per_pixel,
            plane.stride,
            known.row_bytes(plane.width),
            plane.height,
        )
        stride = rows.strides[0]
        length = stride * (plane.height - 1) + rows.shape[1]
        return np.ndarray((length,), np.uint8, rows, strides=(1,)), stride

    def release(self) -> None:
        """Have the texture deleted; more calls do nothing."""
        self._upload.release()


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A surface ready to be drawn: ``image`` is None when it cannot be. ``copied`` wants a refresh for each frame."""

    key: _Key
    outcome: Outcome
    buffer: Buffer
    image: Image | None = None
    copied: Copied | None = None

    def release(self) -> None:
        """Have the texture deleted; more calls do nothing."""
        if self.image is not None:
            self.image.texture.release()
        if self.copied is not None:
            self.copied.release()


class SurfaceCache:
    """Owns every texture made from a buffer. The context must be current for all but :meth:`release`."""

    def __init__(self, context: Context, compositor: Compositor) -> None:
        self._context = context
        self._importer = Importer(context, compositor)
        self._entries: dict[_Key, Loaded] = {}
        # Changes whenever an entry comes or goes.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, surface: Surface) -> Loaded:
        """The surface's entry, made if need be and up to date: ready to be drawn."""
        key = (surface.buffer.serial, surface.plane.layout)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._load(surface)
            self._put(key, entry)
        elif not self.refresh(entry):
            entry = self._entries[key]
        return entry

    def refresh(self, entry: Loaded) -> bool:
        """Fill a copied surface again. False when that fails: its entry is then another, with the reason."""
        if entry.copied is None:
            return True
        try:
            entry.copied.refresh(entry.buffer)
        except (OSError, ValueError) as error:
            entry.release()
            outcome = Outcome(None, None, entry.outcome.failures, _unreadable(error))
            self._put(entry.key, Loaded(entry.key, outcome, entry.buffer))
            return False
        return True

    def _put(self, key: _Key, entry: Loaded) -> None:
        self._entries[key] = entry
        self.generation += 1

    def prune(self, *keep: Surface | None) -> None:
        """Drop what was made from released buffers, and what was made from ``keep``'s buffers for other layouts."""
        wanted = {(each.buffer.serial, each.plane.layout) for each in keep if each}
        serials = {serial for serial, _ in wanted}
        for key, entry in list(self._entries.items()):
            if entry.buffer.released or (key[0] in serials and key not in wanted):
                self._drop(key)

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.release()
            self.generation += 1

    def release(self) -> None:
        """Drop everything."""
        for key in list(self._entries):
            self._drop(key)
        self._importer.release()

    def _load(self, surface: Surface) -> Loaded:
        plane, buffer = surface.plane, surface.buffer
        key = (buffer.serial, plane.layout)
        fault = Status(Reason.NOT_READABLE, "the buffer was released") if buffer.released else None
        fault = fault or fault_of(plane, buffer.size) or self._too_large(plane)
        known = pixel_format(plane.fourcc)
        if fault or known is None:
            return Loaded(key, Outcome(None, None, (), fault or Status(Reason.UNKNOWN_FORMAT)), buffer)
        if not isinstance(buffer, DmaBuffer):
            return self._copy(surface, known, Path.REGION, (), _NOTHING_WRONG)
        image, rung, failures, reason = self._importer.load(plane, known, buffer)
        if image is not None:
            return Loaded(key, Outcome(Path.EGL_IMAGE, rung, failures, _NOTHING_WRONG), buffer, image)
        return self._copy(surface, known, Path.COPY, failures, Status(reason, failures[-1].message))

    def _too_large(self, plane: Plane) -> Status | None:
        limit = self._context.max_texture_size
        if max(plane.width, plane.height) <= limit:
            return None
        return Status(Reason.BAD_GEOMETRY, f"{plane.width}x{plane.height} pixels; this GPU takes {limit} at most")

    def _copy(
        self,
        surface: Surface,
        known: PixelFormat,
        path: Path,
        failures: tuple[ImportFailure, ...],
        status: Status,
    ) -> Loaded:
        plane, buffer = surface.plane, surface.buffer
        key = (buffer.serial, plane.layout)
        linear = plane.modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID)
        if not linear and not tiling.can_tile(plane.modifier, known.bytes_per_pixel):
            detail = f"{modifier_name(plane.modifier)} cannot be undone by the CPU"
            return Loaded(key, Outcome(None, None, failures, Status(Reason.NOT_READABLE, detail)), buffer)
        copied = None
        try:
            copied = Copied(self._context, plane, known)
            copied.refresh(buffer)
            self._context.gl.check("uploading")
        except (OSError, ValueError, GlError) as error:
            if copied is not None:
                copied.release()
            return Loaded(key, Outcome(None, None, failures, _unreadable(error)), buffer)
        return Loaded(key, Outcome(path, None, failures, status), buffer, copied.image, copied)


def _unreadable(error: Exception) -> Status:
    """The status of a surface whose pixels the CPU could not move."""
    return Status(Reason.NOT_READABLE, str(error))
