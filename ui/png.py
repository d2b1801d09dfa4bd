"""Pictures to PNG, by Qt's image writer (needs no display and no application object)."""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QBuffer, QIODevice
from PyQt6.QtGui import QImage


def png_bytes(rgba: NDArray[np.uint8]) -> bytes:
    """Encode ``rgba``, shape [height, width, 4], straight alpha. A picture without transparency is stored as RGB."""
    height, width, _ = rgba.shape
    rgba = np.ascontiguousarray(rgba)
    opaque = bool((rgba[..., 3] == 255).all())
    kind = QImage.Format.Format_RGBX8888 if opaque else QImage.Format.Format_RGBA8888
    image = QImage(rgba.data, width, height, width * 4, kind)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise OSError("the PNG could not be encoded")
    return bytes(buffer.data())
