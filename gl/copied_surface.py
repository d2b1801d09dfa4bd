"""Surfaces whose pixels the CPU copies: from memory into a texture, for each frame.

Where the source tells what changed (:mod:`app.planes.change_log`), only that is read and uploaded.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from app.formats import tiling
from app.formats.fourcc import PixelFormat
from app.planes.buffer import Buffer, Strips
from app.planes.change_log import NEVER_READ, Changes
from app.planes.check import bytes_needed
from app.planes.damage import DamagedRect, merged
from app.planes.plane import Plane, PlaneKind
from gl.compositor import Image
from gl.context import Context
from gl.formats import format_mapping
from gl.import_ladder import is_linear
from gl.textures import Held, UploadTexture

_TextureKey = tuple[int, int, int, PlaneKind]
# One more upload costs as much as so many pixels more.
_UPLOAD_COST = 16384
# To copy so many bytes takes no longer than to copy a row of its own (preadv of a memfd).
_ROW_COST = 8192
_EVERYTHING = Changes(NEVER_READ, None)


class UploadTextures:
    """Textures to upload into, one for all planes of a format, size and kind, counted by their users.

    Only one plane of a kind is drawn at a time, and the texture is filled again when that is another one. So a guest
    that flips among many buffers takes the memory of one.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._textures: dict[_TextureKey, UploadTexture] = {}
        self._users: Counter[_TextureKey] = Counter()

    def take(self, plane: Plane, pixel_format: PixelFormat) -> UploadTexture:
        """The texture for a plane. Each call needs one :meth:`give_back`. Raises :class:`GlError`."""
        key = _texture_key(plane)
        texture = self._textures.get(key)
        if texture is None:
            mapping = format_mapping(pixel_format)
            substitute = mapping.substitutes[-1]
            texels = (-(-plane.width // substitute.pixels), plane.height)
            texture = self._textures[key] = UploadTexture(self._context, substitute, mapping.upload, texels)
        self._users[key] += 1
        return texture

    def give_back(self, plane: Plane) -> None:
        """End one use of the plane's texture. The end of the last use deletes it."""
        key = _texture_key(plane)
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            self._textures.pop(key).release()


def _texture_key(plane: Plane) -> _TextureKey:
    return (plane.fourcc, plane.width, plane.height, plane.kind)


class CopiedSurface:
    """A plane that is copied: its texture, and how its bytes get there. Raises :class:`GlError`."""

    def __init__(self, context: Context, textures: UploadTextures, plane: Plane, pixel_format: PixelFormat) -> None:
        self._gl = context.gl
        self._textures: UploadTextures | None = textures
        self._plane = plane
        self._format = pixel_format
        self._linear = is_linear(plane)
        self._upload = textures.take(plane, pixel_format)
        substitute = format_mapping(pixel_format).substitutes[-1]
        # A tile lies in several rows, and a texel of several pixels may be half damaged.
        self._in_parts = self._linear and substitute.pixels == 1
        decode = substitute.decode
        texture = self._upload.texture
        self.image = Image(texture, pixel_format, decode, plane.width, plane.height, plane.y_inverted)
        # Bytes of the plane that were beyond the end of the mapping at the last refresh.
        self.missing = 0

    def refresh(self, buffer: Buffer) -> None:
        """Upload the plane's bytes as they are now: those that may have changed since they were uploaded.

        Raises OSError when the buffer cannot be read, ValueError when it was released or its tiling is not known,
        MemoryError, and :class:`GlError` when OpenGL does not take the pixels.
        """
        if buffer.released:
            raise ValueError("the buffer was released")
        upload, log, source = self._upload, buffer.changes, (buffer.serial, self._plane.import_key)
        held = upload.held if upload.held is not None and upload.held.source == source else None
        # Asked before the memory is read: what changes meanwhile is in the next changes.
        changes = log.since(held.version if held is not None else NEVER_READ) if log is not None else _EVERYTHING
        self.missing = held.missing if held is not None else 0
        rects = self._to_upload(changes.rects) if held is not None else None
        if rects is None or rects:
            self._send(buffer, rects)
        if log is not None:
            upload.held = Held(source, changes.version, self.missing)

    def _to_upload(self, rects: tuple[DamagedRect, ...] | None) -> list[DamagedRect] | None:
        """The parts of the plane to upload; None for the whole."""
        if not rects:
            return None if rects is None else []
        return merged(rects, self._plane.width, self._plane.height, _UPLOAD_COST) if self._in_parts else None

    def _send(self, buffer: Buffer, rects: list[DamagedRect] | None) -> None:
        # Clear errors of earlier calls, for example Qt's: they are not errors of this upload.
        self._gl.errors()
        # If it fails, some of it may have been uploaded.
        self._upload.held = None
        if rects is None or not all(self._send_part(buffer, each) for each in rects):
            self._send_all(buffer)
        self._gl.check("uploading")

    def _send_all(self, buffer: Buffer) -> None:
        # No array may use the mapping after it ended, so no variable here refers to such an array.
        offset = self._plane.offset
        with buffer.mapping(offset, bytes_needed(self._plane) - offset) as memory:
            self._upload.send(self._rows(memory))

    def _send_part(self, buffer: Buffer, rect: DamagedRect) -> bool:
        """Upload a part of a linear plane. False if the buffer ends in it, within a page that is not mapped whole."""
        plane, pixel_bytes = self._plane, self._format.bytes_per_pixel
        row = plane.height - rect.y - rect.height if plane.y_inverted else rect.y
        start, length = plane.offset + row * plane.stride + rect.x * pixel_bytes, rect.width * pixel_bytes
        with _strips(buffer, start, plane.stride, length, rect.height) as strips:
            if strips.number < rect.height:
                return False
            shape, strides = (rect.height, length), (strips.distance, 1)
            self._upload.send(np.ndarray(shape, np.uint8, strips.memory, 0, strides), rect.x, row)
        return True

    def _rows(self, memory: memoryview) -> npt.NDArray[np.uint8]:
        """The plane's rows, shape (height, bytes of a row): in place for a linear plane, else a copy.

        ``memory`` begins with the plane.
        """
        plane, pixel_format = self._plane, self._format
        row_bytes = pixel_format.row_bytes(plane.width)
        needed = bytes_needed(plane) - plane.offset
        self.missing = max(0, needed - len(memory))
        if self.missing:
            # The kernel maps whole pages only, and a buffer may end within one.
            memory = memoryview(bytes(memory).ljust(needed, b"\0"))
        if self._linear:
            shape, strides = (plane.height, row_bytes), (plane.stride, 1)
            return np.ndarray(shape, np.uint8, memory, 0, strides)
        return tiling.detile(
            memory,
            plane.modifier,
            pixel_format.bytes_per_pixel,
            plane.stride,
            row_bytes,
            plane.height,
        )

    def release(self) -> None:
        """Give the texture back; more calls do nothing."""
        textures, self._textures = self._textures, None
        if textures is not None:
            textures.give_back(self._plane)


@contextmanager
def _strips(buffer: Buffer, start: int, distance: int, length: int, number: int) -> Iterator[Strips]:
    """As :meth:`Buffer.strips`, but what is between the strips is read too where that is cheaper."""
    if distance - length > _ROW_COST:
        with buffer.strips(start, distance, length, number) as strips:
            yield strips
        return
    whole = (number - 1) * distance + length
    with buffer.mapping(start, whole) as memory:
        yield Strips(memory, distance, number if len(memory) == whole else 0)
