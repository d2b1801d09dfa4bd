"""Pictures to PNG, by Qt's image writer (needs no display and no application object)."""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QBuffer, QIODevice
from PyQt6.QtGui import QImage

# On Qt's scale, which for PNG means zlib level 1: less than half the time of the default, and for screens no larger.
_QUALITY = 85


def to_image(rgba: NDArray[np.uint8], *, premultiplied: bool = False) -> QImage:
    """A Qt image of ``rgba``, shape [height, width, 4]; opaque pictures get no alpha channel."""
    height, width, _ = rgba.shape
    rgba = np.ascontiguousarray(rgba)
    opaque = bool((rgba[..., 3] == 255).all())
    kind = QImage.Format.Format_RGBA8888_Premultiplied if premultiplied else QImage.Format.Format_RGBA8888
    if opaque:
        kind = QImage.Format.Format_RGBX8888
    # The copy makes the image own its pixels.
    return QImage(rgba.tobytes(), width, height, width * 4, kind).copy()


def png_bytes(rgba: NDArray[np.uint8], *, premultiplied: bool = False) -> bytes:
    """Encode ``rgba``, shape [height, width, 4]. PNG has straight alpha, so ``premultiplied`` colours are divided.

    Raises OSError when Qt cannot.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not to_image(rgba, premultiplied=premultiplied).save(buffer, "PNG", _QUALITY):
        raise OSError("the PNG could not be encoded")
    return buffer.data().data()
