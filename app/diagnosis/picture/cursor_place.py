"""Where the cursor plane lies: inside the picture, at an edge, or outside."""

from enum import Enum

from app.planes.plane import Plane


class CursorPlace(Enum):
    """``AT_EDGE``: so near to the left or upper edge that a position without its sign has two meanings."""

    INSIDE = "inside"
    AT_EDGE = "at-edge"
    OUTSIDE = "outside"


def cursor_place(picture: Plane, cursor: Plane) -> CursorPlace:
    """The place of a cursor plane over the primary plane."""
    if not (-cursor.width < cursor.x < picture.width and -cursor.height < cursor.y < picture.height):
        return CursorPlace.OUTSIDE
    # A tip at the left or upper edge has its image up to the hot spot beyond it: then both signs are possible.
    reach_x = cursor.hot_x if cursor.hot_x is not None else cursor.width // 4
    reach_y = cursor.hot_y if cursor.hot_y is not None else cursor.height // 4
    if 0 < cursor.x <= reach_x or 0 < cursor.y <= reach_y:
        return CursorPlace.AT_EDGE
    return CursorPlace.INSIDE


def place_text(picture: Plane, cursor: Plane) -> str:
    """Size and position of the cursor plane, and the size of the picture."""
    return f"{cursor.width}x{cursor.height} at {cursor.x},{cursor.y} of {picture.width}x{picture.height}"
