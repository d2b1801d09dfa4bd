"""Surfaces whose pixels the CPU copies: from memory into a texture, for each frame."""

from collections import Counter

import numpy as np
import numpy.typing as npt

from app.formats import tiling
from app.formats.fourcc import PixelFormat
from app.planes.buffer import Buffer
from app.planes.check import bytes_needed
from app.planes.plane import Plane, PlaneKind
from gl.compositor import Image
from gl.context import Context
from gl.formats import format_mapping
from gl.import_ladder import is_linear
from gl.textures import UploadTexture

_TextureKey = tuple[int, int, int, PlaneKind]


class UploadTextures:
    """Textures to upload into, one for all planes of a format, size and kind, counted by their users.

    Each is filled again for each frame, and only one plane of a kind is drawn at a time. So a guest that flips among
    many buffers takes the memory of one.
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
        decode = format_mapping(pixel_format).substitutes[-1].decode
        texture = self._upload.texture
        self.image = Image(texture, pixel_format, decode, plane.width, plane.height, plane.y_inverted)
        # Bytes of the plane that were beyond the end of the mapping at the last refresh.
        self.missing = 0

    def refresh(self, buffer: Buffer) -> None:
        """Upload the plane's bytes as they are now.

        Raises OSError when the buffer cannot be read, ValueError when it was released or its tiling is not known,
        MemoryError, and :class:`GlError` when OpenGL does not take the pixels.
        """
        # Clear errors of earlier calls, for example Qt's: they are not errors of this upload.
        self._gl.errors()
        # No array may use the mapping after it ended, so no variable here refers to such an array.
        offset = self._plane.offset
        with buffer.mapping(offset, bytes_needed(self._plane) - offset) as memory:
            self._upload.send(self._rows(memory))
        self._gl.check("uploading")

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
