"""How a picture reaches the GPU and what that costs, in words for the window. Pure."""

from collections.abc import Sequence

from app.diagnosis.finding import Finding
from app.diagnosis.picture.import_findings import IMPORT_REASONS
from app.diagnosis.picture.picture_keys import PictureKey
from app.planes.outcome import PixelPath
from app.planes.plane import Backing, Plane

# What tells why the GPU does not import the buffer.
_CAUSES = {each.key for each in IMPORT_REASONS} | {
    PictureKey.WRONG_GPU.key,
    PictureKey.BRIDGE.key,
    PictureKey.IMPORT_UNREADABLE.key,
    PictureKey.EXTERNAL_ONLY.key,
}
_COPYING = (PixelPath.COPY, PixelPath.REGION, PixelPath.BRIDGE)
_RATE_HZ = 60


def path_text(path: PixelPath, plane: Plane) -> str:
    """What the path is and what it costs, in one or two sentences."""
    if path is PixelPath.EGL_IMAGE:
        return "The GPU reads the guest's buffer itself: the CPU copies no pixels."
    size = plane.stride * plane.height
    cost = f"{_bytes(size)} for each new picture; {_RATE_HZ} pictures a second are {_bytes(size * _RATE_HZ)} a second"
    match path:
        case PixelPath.COPY if plane.backing is Backing.MEMORY:
            return f"The picture comes as memory, of which the CPU copies what changed: at most {cost}."
        case PixelPath.COPY:
            return f"The GPU does not import the guest's buffer, so the CPU copies it: {cost}."
        case PixelPath.BRIDGE:
            # How it hands them over, and so the cost, is in the finding.
            return "The GPU that exports the buffer draws it, and hands the pixels to the GPU of this window."
        case PixelPath.REGION:
            return (
                "The driver gives the picture as device memory, which no GPU imports, so the CPU copies it: "
                f"{cost}. Nothing can be set to change that."
            )


def path_cause(path: PixelPath, findings: Sequence[Finding]) -> Finding | None:
    """The finding that tells why the pixels are copied; None for a path that needs no reason, or if none tells it."""
    if path not in _COPYING:
        return None
    return next((each for each in findings if each.key in _CAUSES), None)


def path_tip(path: PixelPath, plane: Plane, findings: Sequence[Finding]) -> str:
    """The path, why, what was tried in that order, and what to do: a line for each that is known."""
    cause = path_cause(path, findings)
    lines = [f"{path.value}: {path_text(path, plane)}"]
    if cause is not None:
        lines.append(f"Why: {cause.message}")
        lines.append(f"Seen: {cause.evidence}" if cause.evidence else "")
        lines.append(f"What to do: {cause.remedy}" if cause.remedy else "")
    return "\n".join(each for each in lines if each)


def _bytes(count: int) -> str:
    """The number and its unit are not parted at the end of a line."""
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB")):
        if count >= unit:
            return f"{count / unit:.1f}\N{NO-BREAK SPACE}{name}"
    return f"{count / 1000:.0f}\N{NO-BREAK SPACE}kB"
