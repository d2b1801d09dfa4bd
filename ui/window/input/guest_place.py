"""Where a point of the picture is on the guest's screen."""

from PyQt6.QtCore import QPointF

from app.input.pointer import guest_pixel
from app.input.touch_slots import Place
from app.planes.placement import Placement, Rect, place
from ui.window.picture.picture_window import PictureWindow


def guest_placement(picture: PictureWindow) -> Placement:
    """The picture's placement; without a picture, the whole window is the guest's screen."""
    placement = picture.placement
    if placement is None:
        width, height = picture.device_point(QPointF(picture.width(), picture.height()))
        size = (max(1, int(width)), max(1, int(height)))
        placement = place(size, Rect(0, 0, *size))
    return placement


def guest_place(picture: PictureWindow, position: QPointF, clamp: bool) -> Place | None:
    """The place as parts of the guest's width and height; None beside the screen, with ``clamp`` the nearest one."""
    placement = guest_placement(picture)
    pixel = guest_pixel(placement, *picture.device_point(position), clamp=clamp)
    if pixel is None:
        return None
    return ((pixel[0] + 0.5) / placement.guest_width, (pixel[1] + 0.5) / placement.guest_height)
