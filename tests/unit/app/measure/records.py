"""Frames and records for the tests of measurements."""

from app.measure.record.frame_record import FrameRecord, Kind
from app.planes.buffer import MemoryBuffer
from app.planes.frame import Frame, FrameTiming, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status

MS = 1_000_000
_XR24 = 0x34325258


def surface(handle: int, kind: PlaneKind = PlaneKind.PRIMARY, x: int = 0) -> Surface:
    plane = Plane(kind, Backing.DMABUF, _XR24, 0, 4, 4, 16, 64, x, 0, None, None, handle)
    return Surface(plane, MemoryBuffer(bytes(64)))


def frame(primary: Surface | None, cursor: Surface | None = None, *, before: int = 0, seen: int = MS) -> Frame:
    status = Status(Reason.OK if primary is not None else Reason.PLANE_OFF)
    return Frame(status, primary, cursor, timing=FrameTiming(before, seen, 20_000, 0))


def flip(number: int, before: int, seen: int, submit: int, **later: int | None) -> FrameRecord:
    return FrameRecord(number, Kind.FLIP, seen, before, 1, 20_000, None, None, submit - 100_000, submit, **later)
