"""The status of the picture in a window: of its frame, and of what the renderer made of it. Pure."""

from app.planes.frame import Frame
from app.planes.plane import Plane
from app.planes.status import Reason, State, Status
from gl.renderer import DrawResult
from ui.window.picture.picture_text import plane_text


def picture_status(frame: Frame, drawn: DrawResult | None, failure: Status | None) -> Status:
    """The status of the frame, unless drawing failed: ``failure`` is why the last draw did.

    A frame that was not drawn yet keeps the status of the one before, so that the status does not flicker.
    """
    if frame.primary is None:
        return frame.status
    if failure is not None:
        return failure
    if drawn is not None and drawn.primary is not None:
        return drawn.primary.status
    return frame.status


def path_name(drawn: DrawResult | None) -> str:
    """How the primary plane got to the GPU, a value of :class:`PixelPath`; empty before the first draw."""
    primary = drawn.primary if drawn is not None else None
    return primary.path.value if primary is not None and primary.path is not None else ""


def failed_imports(drawn: DrawResult | None) -> tuple[str, ...]:
    """The attempts to import the primary plane that failed, in order."""
    primary = drawn.primary if drawn is not None else None
    failures = primary.failures if primary is not None else ()
    return tuple(
        f"{each.method.value} failed: {each.message}" + (f" ({each.egl_error})" if each.egl_error else "")
        for each in failures
    )


def cursor_problem(frame: Frame, drawn: DrawResult | None) -> Status | None:
    """Why the guest's cursor plane cannot be shown; None where it can, or where there is none."""
    if frame.cursor_refusal is not None:
        return frame.cursor_refusal
    cursor = drawn.cursor if drawn is not None else None
    if cursor is None or cursor.path is not None or cursor.status.state is State.WAITING:
        return None
    return cursor.status


def state_words(status: Status, plane: Plane | None, path: str) -> str:
    """The status for a log line, with the primary plane and its path where there are any."""
    words = [status.state.value, "" if status.reason is Reason.OK else status.reason.key, status.detail]
    if plane is not None:
        words += [plane_text(plane), f"path: {path}" if path else ""]
    return ", ".join(each for each in words if each)
