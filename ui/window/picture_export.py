"""Saves the picture that a window shows, or copies it. The user is told how that ended by a notice."""

import logging
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QGuiApplication, QImage

from gl.errors import GraphicsError
from ui.png import png_bytes, to_image
from ui.window.picture.picture_window import PictureWindow
from ui.window.screenshot_file import pictures_directory, save_new

_log = logging.getLogger(__name__)


def save_picture(picture: PictureWindow, label: str) -> None:
    """Save it as a new file, which is named after ``label``, in the user's folder of pictures."""
    pixels = _captured(picture, "save")
    if pixels is None:
        return
    try:
        path = save_new(pictures_directory(), label, datetime.now(), png_bytes(pixels))
    except OSError as error:
        _log.info("screenshot: %s", error)
        picture.notice(f"The screenshot was not saved: {error.strerror or error}")
        return
    picture.notice(f"Saved {path}")


def copy_picture(picture: PictureWindow) -> None:
    """Copy it to the clipboard."""
    pixels = _captured(picture, "copy")
    clipboard = QGuiApplication.clipboard()
    if pixels is None or clipboard is None:
        return
    image: QImage = to_image(pixels)
    clipboard.setImage(image)
    picture.notice("Copied the picture")


def _captured(picture: PictureWindow, purpose: str) -> NDArray[np.uint8] | None:
    """The picture; without one the user is told why."""
    try:
        pixels = picture.capture()
    except GraphicsError as error:
        picture.notice(f"OpenGL could not make a picture to {purpose}: {error}")
        return None
    if pixels is None:
        picture.notice(f"There is no picture to {purpose}")
    return pixels
