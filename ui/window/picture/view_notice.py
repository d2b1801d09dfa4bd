"""What the window says when its user chooses a view for inspection: what is seen, and how to get back."""

from collections.abc import Iterator

from app.formats.fourcc import format_name, pixel_format
from app.formats.modifier import modifier_name
from app.planes.frame import Surface
from app.planes.plane import Plane
from gl.draw_options import View
from gl.scene import tile_pixels
from ui.window.actions.shortcuts import shared
from ui.window.picture.view_options import ViewOptions

_SEEN = {
    View.RED: "The red channel, as grey",
    View.GREEN: "The green channel, as grey",
    View.BLUE: "The blue channel, as grey",
    View.DIFFERENCE: "What changed since the frame before, eight times as strong",
}


def view_notices(before: ViewOptions, now: ViewOptions, primary: Surface | None) -> Iterator[str]:
    """What the user is told of the options that changed; ``primary`` is the primary plane, None without one."""
    plane = primary.plane if primary is not None else None
    if now.view is not before.view:
        yield view_notice(now.view, plane)
    if now.checkerboard and not before.checkerboard:
        yield checkerboard_notice(plane)


def view_notice(view: View, plane: Plane | None) -> str:
    """One line for the user; ``plane`` is the primary plane, None while there is none."""
    if view is View.NORMAL:
        return "The normal picture"
    return f"{_seen(view, plane)}. {shared().how('view-normal')} shows the normal picture"


def _seen(view: View, plane: Plane | None) -> str:
    if view is View.ALPHA:
        seen = "Alpha as grey: white is opaque"
        format_ = pixel_format(plane.fourcc) if plane is not None else None
        return seen if format_ is None or format_.has_alpha else f"{seen}, as all of {format_.name} is"
    if view is View.TILES:
        return _tiles(plane)
    return _SEEN[view]


def _tiles(plane: Plane | None) -> str:
    if plane is None:
        return "Lines at the borders of tiles"
    tile, name = tile_pixels(plane), modifier_name(plane.modifier)
    if tile is not None:
        width = f"{tile[0]:.4g}"
        return f"Tiles of {name}: {width}x{tile[1]:.0f} pixels of {format_name(plane.fourcc)}"
    if name in ("LINEAR", "INVALID"):
        return f"No tiles: the plane is {name}"
    return f"No lines: the tiles of {name} are not known"


def loupe_notice() -> str:
    """The same for the loupe when it is switched on."""
    return f"Point at a pixel; {shared().how('loupe')} removes the loupe"


def checkerboard_notice(plane: Plane | None) -> str:
    """The same for the checkerboard when it is switched on."""
    format_ = pixel_format(plane.fourcc) if plane is not None else None
    if format_ is None or format_.has_alpha:
        return "A checkerboard is seen through transparent pixels"
    return f"No checkerboard is seen: {format_.name} has no alpha"
