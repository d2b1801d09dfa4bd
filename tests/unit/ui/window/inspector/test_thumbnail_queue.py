"""Which buffer gets the next thumbnail."""

from dataclasses import replace

from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing, Plane, PlaneKind
from ui.window.inspector.thumbnail_queue import ThumbnailQueue

_PLANE = Plane(PlaneKind.PRIMARY, Backing.DMABUF, 0x34325258, 0, 64, 64, 256, 16384, 0, 0, None, None, 1)


def facts(serial: int, times_shown: int = 1, *, on_screen: bool = False) -> BufferFacts:
    return BufferFacts(serial, _PLANE, 16384, times_shown=times_shown, on_screen=on_screen)


def test_all_buffers_of_a_flipping_guest_have_their_turn() -> None:
    queue = ThumbnailQueue()
    made = []
    for picture in range(12):
        buffers = [facts(serial, picture + 1, on_screen=serial == picture % 3) for serial in range(3)]
        serial = queue.next(buffers, picture)
        assert serial is not None
        queue.made(buffers[serial], picture)
        made.append(serial)
    assert made == [0, 1, 2] * 4


def test_a_still_screen_costs_no_thumbnails() -> None:
    queue = ThumbnailQueue()
    buffer = facts(1, on_screen=True)
    assert queue.next([buffer], 5) == 1
    queue.made(buffer, 5)
    assert queue.next([buffer], 5) is None
    assert queue.next([buffer], 6) == 1, "a guest may draw into the buffer on the screen"
    queue.made(buffer, 6)
    hidden = replace(buffer, on_screen=False)
    queue.made(hidden, 7)
    assert queue.next([hidden], 9) is None
    assert queue.next([replace(hidden, times_shown=2)], 9) == 1


def test_a_released_buffer_is_forgotten() -> None:
    queue = ThumbnailQueue()
    queue.made(facts(1), 0)
    queue.keep([2])
    assert queue.next([facts(1)], 0) == 1
