"""The texture cache: what became of each surface, kept as long as its buffer lives.

An entry is keyed by the buffer's serial number and the plane's layout. A flip between known buffers therefore
neither imports nor allocates; surfaces that are copied keep their storage and are filled again for each frame.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.abi import drm_fourcc as drm
from app.errors import error_text
from app.formats import tiling
from app.formats.fourcc import PixelFormat, pixel_format
from app.formats.modifier import modifier_name
from app.planes.buffer import Buffer, DmaBuffer
from app.planes.check import bytes_needed, fault_of
from app.planes.frame import Surface
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason, Status
from gl.compositor import Compositor, Image
from gl.context import Context
from gl.errors import GlError
from gl.formats import recipe_of
from gl.importer import Importer
from gl.outcome import ImportFailure, Outcome, Path
from gl.probe_draw import Pixel
from gl.textures import UploadTexture

_ImportKey = tuple[int, ...]
_Key = tuple[int, _ImportKey, PlaneKind]

_NOTHING_WRONG = Status(Reason.OK)


class Uploads:
    """Textures that are uploaded into, one for all buffers of a layout and kind of plane.

    They are filled again for each frame anyway, and of a kind only one plane is drawn at a time: so flipping among
    many buffers takes the memory of one.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._textures: dict[tuple[_ImportKey, PlaneKind], UploadTexture] = {}
        self._users: Counter[tuple[_ImportKey, PlaneKind]] = Counter()

    def take(self, plane: Plane, known: PixelFormat) -> UploadTexture:
        """The texture for a plane, to be given back as often as it was taken. Raises :class:`GlError`."""
        key = (plane.import_key, plane.kind)
        texture = self._textures.get(key)
        if texture is None:
            recipe = recipe_of(known)
            stand_in = recipe.stand_ins[-1]
            texels = (-(-plane.width // stand_in.pixels), plane.height)
            texture = self._textures[key] = UploadTexture(self._context, stand_in, recipe.upload, texels)
        self._users[key] += 1
        return texture

    def give_back(self, plane: Plane) -> None:
        """The last one has the texture deleted."""
        key = (plane.import_key, plane.kind)
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            self._textures.pop(key).release()


class Copied:
    """A surface whose pixels the CPU moves: the texture, and how the plane's bytes get there."""

    def __init__(self, uploads: Uploads, plane: Plane, known: PixelFormat) -> None:
        self._uploads: Uploads | None = uploads
        self._plane = plane
        self._known = known
        self._linear = _linear(plane)
        self._upload = uploads.take(plane, known)
        decode = recipe_of(known).stand_ins[-1].decode
        self.image = Image(self._upload.texture, known, decode, plane.width, plane.height)
        # Bytes of the plane that memory did not reach to at the last refresh.
        self.missing = 0

    def refresh(self, buffer: Buffer) -> None:
        """Bring the texture up to date with memory.

        Raises OSError when the buffer cannot be mapped, ValueError when it was released or its tiling is not known.
        """
        if buffer.released:
            raise ValueError("the buffer was released")
        # Arrays over the mapping must be gone when it is let go, so none gets a name here.
        with buffer.mapping() as memory:
            self._upload.send(self._rows(memory))

    def _rows(self, memory: memoryview) -> npt.NDArray[np.uint8]:
        """The plane's rows: in place if it is linear, else a copy."""
        plane, known = self._plane, self._known
        row_bytes = known.row_bytes(plane.width)
        if self._linear:
            needed = bytes_needed(plane)
            self.missing = max(0, needed - len(memory))
            if self.missing:
                # The kernel maps whole pages only, and a buffer may end within one.
                memory = memoryview(bytes(memory).ljust(needed, b"\0"))
            return np.ndarray((plane.height, row_bytes), np.uint8, memory, strides=(plane.stride, 1))
        return tiling.detile(memory, plane.modifier, known.bytes_per_pixel, plane.stride, row_bytes, plane.height)

    def release(self) -> None:
        """Give the texture back; more calls do nothing."""
        uploads, self._uploads = self._uploads, None
        if uploads is not None:
            uploads.give_back(self._plane)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A surface ready to be drawn: ``image`` is None when it cannot be. ``copied`` wants a refresh for each frame."""

    key: _Key
    outcome: Outcome
    buffer: Buffer
    image: Image | None = None
    copied: Copied | None = None

    def release(self) -> None:
        """Let go of the texture; more calls do nothing."""
        if self.copied is not None:
            self.copied.release()
        elif self.image is not None:
            self.image.texture.release()


class SurfaceCache:
    """Owns every texture made from a buffer. The context must be current."""

    def __init__(self, context: Context, compositor: Compositor) -> None:
        self._context = context
        self._pixel = Pixel(context, compositor)
        self._importer = Importer(context, self._pixel)
        self._uploads = Uploads(context)
        self._entries: dict[_Key, Loaded] = {}
        # Changes whenever an entry comes or goes.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, surface: Surface) -> Loaded:
        """The surface's entry, made if need be and up to date: ready to be drawn."""
        key = _key(surface)
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
            failures = entry.outcome.failures
            outcome = Outcome(None, None, failures, _fault(error, failures))
            self._put(entry.key, Loaded(entry.key, outcome, entry.buffer))
            return False
        return True

    def _put(self, key: _Key, entry: Loaded) -> None:
        self._entries[key] = entry
        self.generation += 1

    def prune(self, *keep: Surface | None) -> None:
        """Drop what was made from released buffers, and what was made from ``keep``'s buffers for other layouts."""
        wanted = {_key(each) for each in keep if each}
        serials = {key[0] for key in wanted}
        for key, entry in list(self._entries.items()):
            if entry.buffer.released or (key[0] in serials and key not in wanted):
                self._drop(key)

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.release()
            self.generation += 1

    def forget(self) -> None:
        """Drop what was made from released buffers, and make the driver let go of it at once."""
        self.prune()
        self._context.sweep()
        self._pixel.displace()

    def release(self) -> None:
        """Drop everything; more calls do nothing."""
        for key in list(self._entries):
            self._drop(key)
        self._context.sweep()
        self._pixel.displace()
        self._pixel.release()

    def _load(self, surface: Surface) -> Loaded:
        plane, buffer = surface.plane, surface.buffer
        key = _key(surface)
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
        return self._copy(surface, known, Path.COPY, failures, Status(reason, failures[0].message))

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
        key = _key(surface)
        if not _linear(plane) and not tiling.can_tile(plane.modifier, known.bytes_per_pixel):
            status = Status(Reason.TILING_UNKNOWN, _words(modifier_name(plane.modifier), failures))
            return Loaded(key, Outcome(None, None, failures, status), buffer)
        copied = None
        # A failure stays for as long as the entry does, so it must not be one that others left over.
        self._context.gl.errors()
        try:
            copied = Copied(self._uploads, plane, known)
            copied.refresh(buffer)
            self._context.gl.check("uploading")
        except (OSError, ValueError, GlError) as error:
            if copied is not None:
                copied.release()
            return Loaded(key, Outcome(None, None, failures, _fault(error, failures)), buffer)
        if copied.missing:
            lost = f"the last {copied.missing} bytes, in a page that is not mapped whole, are shown black"
            status = Status(status.reason, f"{lost}; {status.detail}")
        return Loaded(key, Outcome(path, None, failures, status), buffer, copied.image, copied)


def _key(surface: Surface) -> _Key:
    return (surface.buffer.serial, surface.plane.import_key, surface.plane.kind)


def _linear(plane: Plane) -> bool:
    # A driver that names no modifier leaves no other reading.
    return plane.modifier in (drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID)


def _fault(error: Exception, failures: tuple[ImportFailure, ...]) -> Status:
    """The status of a surface whose pixels the CPU could not move."""
    reason = Reason.UPLOAD_FAILED if isinstance(error, GlError) else Reason.NOT_READABLE
    why = error_text(error) if isinstance(error, OSError) else str(error)
    return Status(reason, _words(why, failures))


def _words(copying: str, failures: tuple[ImportFailure, ...]) -> str:
    if not failures:
        return copying
    return f"{copying}; importing: {failures[0].message}"
