"""Frames with the cursor on the right side of the edge."""

from dataclasses import replace

from app.input.signed_cursor_source import SentPointer, SignedCursorSource
from app.planes.buffer import MemoryBuffer
from app.planes.frame import Frame, Surface
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status

MS = 1_000_000
PRIMARY = Plane(PlaneKind.PRIMARY, Backing.DMABUF, 0x34325258, 0, 640, 480, 2560, 1228800, 0, 0, None, None, 1)
CURSOR = replace(PRIMARY, kind=PlaneKind.CURSOR, fourcc=0x34325241, width=64, height=64, stride=256, size=16384)
PICTURES = [Surface(PRIMARY, MemoryBuffer(bytes(4))) for _ in range(2)]
IMAGE = MemoryBuffer(bytes(4))


class Guest:
    """A source whose frame the test sets, below a pointer that it sends, on a clock of its own."""

    tells_damage = False

    def __init__(self) -> None:
        self.now = 10_000 * MS
        self.pointer = SentPointer(lambda: self.now)
        self.source = SignedCursorSource(self, self.pointer)
        self.frame = Frame(Status(Reason.OK), PICTURES[0])

    def latest(self) -> Frame:
        return self.frame

    def fileno(self) -> int:
        return -1

    def shown(self, frame: Frame, ns: int) -> None:
        pass

    def release_buffers(self) -> None:
        self.frame = Frame(Status(Reason.NOT_STARTED))

    def close(self) -> None:
        pass

    def report(self, x: int, y: int, image: MemoryBuffer = IMAGE) -> None:
        """The driver reports the cursor here."""
        self.frame = replace(self.frame, cursor=Surface(replace(CURSOR, x=x, y=y), image))

    def place(self, after_ms: int = 0) -> tuple[int, int]:
        """Where the cursor is in the frame after so many milliseconds."""
        self.now += after_ms * MS
        cursor = self.source.latest().cursor
        assert cursor is not None and cursor.buffer is self.frame.cursor.buffer  # type: ignore[union-attr]
        return cursor.plane.x, cursor.plane.y


def test_a_cursor_beyond_the_left_edge_is_drawn_there_once_the_pointer_rests_and_stays_there() -> None:
    guest = Guest()
    guest.report(4, 200)
    assert guest.place() == (4, 200), "nobody sent a pointer"
    guest.pointer.sent((0, 203))
    assert guest.place() == (4, 200), "the guest may not have moved it yet"
    assert guest.place(200) == (-4, 200)
    frame = guest.source.latest()
    assert guest.source.latest() is frame, "nothing changed"
    # A flip below it keeps the surface, so that nothing is prepared anew.
    guest.frame = replace(guest.frame, primary=PICTURES[1])
    assert guest.source.latest().primary is PICTURES[1] and guest.source.latest().cursor is frame.cursor
    # The pointer leaves the window: the cursor is still there.
    guest.pointer.left()
    assert guest.place(5000) == (-4, 200)
    # Somebody else moves it.
    guest.report(9, 200)
    assert guest.place() == (9, 200)


def test_a_pointer_that_leaves_at_once_is_still_known_for_a_moment() -> None:
    guest = Guest()
    guest.pointer.sent((0, 203))
    guest.pointer.left()
    guest.report(4, 200)
    assert guest.place(50) == (4, 200)
    assert guest.place(150) == (-4, 200)


def test_the_upper_edge_is_its_own() -> None:
    guest = Guest()
    guest.report(300, 3)
    guest.pointer.sent((304, 0))
    assert guest.place(200) == (300, -3)


def test_the_hot_spot_is_learnt_for_one_image() -> None:
    guest = Guest()
    guest.report(300, 200)
    guest.pointer.sent((330, 230))
    assert guest.place(200) == (300, 200)
    # Its hot spot is in its middle, so at pixel 20 both signs are possible.
    guest.pointer.sent((20, 230))
    guest.report(10, 200)
    assert guest.place() == (-10, 200)
    guest.report(10, 200, MemoryBuffer(bytes(4)))
    assert guest.place(200) == (10, 200), "another image may have another hot spot"


def test_the_frame_of_a_source_without_a_cursor_is_its_own() -> None:
    guest = Guest()
    guest.pointer.sent((0, 0))
    assert guest.source.latest() is guest.frame
    guest.report(0, 0)
    assert guest.source.latest() is guest.frame
    guest.source.release_buffers()
    assert guest.source.latest() is guest.frame
