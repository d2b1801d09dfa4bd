"""Pictures to PNG with Qt's image writer, which needs neither a display nor an application object."""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QBuffer, QIODevice
from PyQt6.QtGui import QImage

# For PNG, Qt turns this into zlib level 1: less than half the time of the default, and no larger for screens.
_QUALITY = 85


def to_image(rgba: NDArray[np.uint8], *, premultiplied: bool = False) -> QImage:
    """A Qt image of ``rgba``, shape (height, width, 4). An opaque picture gets no alpha channel."""
    height, width, _ = rgba.shape
    rgba = np.ascontiguousarray(rgba)
    opaque = bool((rgba[..., 3] == 255).all())
    kind = QImage.Format.Format_RGBA8888_Premultiplied if premultiplied else QImage.Format.Format_RGBA8888
    if opaque:
        kind = QImage.Format.Format_RGBX8888
    # The copy makes the image own its pixels.
    return QImage(rgba.tobytes(), width, height, width * 4, kind).copy()


def png_bytes(rgba: NDArray[np.uint8], *, premultiplied: bool = False) -> bytes:
    """Encode ``rgba``, shape (height, width, 4). PNG has straight alpha: ``premultiplied`` colours are divided by it.

    Raises OSError when Qt fails.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not to_image(rgba, premultiplied=premultiplied).save(buffer, "PNG", _QUALITY):
        raise OSError("the PNG could not be encoded")
    return buffer.data().data()
