"""How the picture on the screen reaches the GPU, in words."""

from app.diagnosis.picture.path_text import path_text, path_tip
from app.planes.outcome import PixelPath
from app.planes.plane import Plane
from ui.window.picture.picture_window import PictureWindow


def shown_path_text(picture: PictureWindow) -> str:
    """The path and what it costs; empty before the first draw."""
    shown = _shown(picture)
    return f"Path: {shown[0].value}. {path_text(*shown)}" if shown is not None else ""


def shown_path_tip(picture: PictureWindow) -> str:
    """The same, with why the path is not a better one and what to do, in several lines."""
    shown = _shown(picture)
    return path_tip(*shown, picture.diagnosis.findings) if shown is not None else ""


def _shown(picture: PictureWindow) -> tuple[PixelPath, Plane] | None:
    """The path of the primary plane that was drawn last, and that plane."""
    frame, drawn = picture.last_draw
    outcome = drawn.primary if drawn is not None else None
    surface = frame.primary if frame is not None else None
    if outcome is None or outcome.path is None or surface is None:
        return None
    return outcome.path, surface.plane
