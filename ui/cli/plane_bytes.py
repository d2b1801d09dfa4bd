"""The bytes of a live plane, without OpenGL: also of a plane that cannot be shown."""

import time
from collections.abc import Callable

from app.diagnosis.picture.picture_findings import device_gone, no_picture
from app.errors import MdevviewError, error_text
from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.pacing import Pace, Pacer
from app.open.session import Session
from app.planes.buffer import Buffer
from app.planes.frame import Frame
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.raw_file import raw_length
from app.planes.status import Reason, State, Status
from ui.fd_wait import FdWait, due_ns

UseBytes = Callable[[Plane, Buffer, memoryview], None]
"""Gets a plane, its buffer and the bytes of it, which it must not keep."""


def use_plane_bytes(session: Session, kind: PlaneKind, timeout_s: float, use: UseBytes) -> None:
    """Wait for a plane with a buffer, then call ``use`` once, with the bytes of :func:`app.planes.raw_file.raw_length`.

    Raises NoPicture after ``timeout_s`` seconds, DeviceGone, MdevviewError where the CPU may not read the buffer, and
    what ``use`` raises.
    """
    statuses: list[Status | None] = []
    end = time.monotonic() + timeout_s

    def look() -> None:
        found = _with_buffer(loop.frame, kind)
        statuses.append(why_no_plane(loop.frame, kind) if found is None else None)
        loop.drawn()
        if found is not None:
            _read(*found, use)
            loop.shown()

    def finished() -> bool:
        return bool(statuses) and (statuses[-1] is None or time.monotonic() >= end)

    loop = FrameLoop(session.source, Pacer(Pace(), time.monotonic_ns()), due=look)
    with FdWait() as waiting:
        loop.run(lambda fd, ns: waiting.wait((fd,), due_ns(ns, round(end * 1e9))), finished)
    status = statuses[-1]
    if status is None:
        return
    if status.state is State.GONE:
        raise device_gone(session.target, status)
    raise no_picture(session.target, status, timeout_s)


def _with_buffer(frame: Frame, kind: PlaneKind) -> tuple[Plane, Buffer] | None:
    """Also a plane that was rejected for its format or geometry: to look at such a one is what the bytes are for."""
    surface = frame.cursor if kind is PlaneKind.CURSOR else frame.primary
    if surface is not None:
        return surface.plane, surface.buffer
    for each in frame.rejected:
        if each.plane.kind is kind and each.buffer is not None:
            return each.plane, each.buffer
    return None


def why_no_plane(frame: Frame, kind: PlaneKind) -> Status:
    """Why a frame has no such plane. A cursor plane has its own reason, whatever is wrong with the picture."""
    if kind is PlaneKind.PRIMARY:
        return next((each.status for each in frame.rejected if each.plane.kind is kind), frame.status)
    status = frame.why_no_cursor
    if status.reason is Reason.PLANE_OFF and frame.primary is not None:
        return Status(Reason.CURSOR_OFF)
    return status


def _read(plane: Plane, buffer: Buffer, use: UseBytes) -> None:
    reading = True
    try:
        with buffer.mapping(0, raw_length(plane, buffer)) as memory:
            reading = False
            use(plane, buffer, memory)
            reading = True
    except (OSError, ValueError) as error:
        if not reading:
            raise
        raise _unreadable(plane, buffer, error) from error


def _unreadable(plane: Plane, buffer: Buffer, error: OSError | ValueError) -> MdevviewError:
    why = error_text(error) if isinstance(error, OSError) else str(error)
    if plane.backing is Backing.DMABUF:
        exporter = f"its exporter, {buffer.exporter}," if buffer.exporter else "its exporter"
        message = f"the CPU may not read the buffer: {exporter} does not map it ({why})"
        return MdevviewError(message, "the GPU may: `mdevview screenshot` without --raw, --as and --guess reads it so")
    return MdevviewError(f"the buffer cannot be read: {why}", "try it again when the VM runs")
