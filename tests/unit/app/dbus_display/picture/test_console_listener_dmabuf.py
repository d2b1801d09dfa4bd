"""Pictures in dma-bufs. A memfd stands for a dma-buf: it has an inode, can be mapped, and its fd is owned alike."""

import os
import resource

from jeepney import Message

from app.abi import drm_fourcc as drm
from app.dbus_display.connection.listener import Done, Later, Refusal
from app.dbus_display.picture.console_source import ConsoleSource
from app.planes.damage import DamagedRect
from app.planes.display_facts import DisplayProblem
from app.planes.plane import Backing, Plane
from app.planes.status import Reason
from tests.conftest import open_files
from tests.unit.app.dbus_display.picture.calls import call, dmabuf2_call, dmabuf_call, map_call, memfd
from tests.unit.app.dbus_display.picture.fake_display import FakeDisplay, problems

_ALL = (DamagedRect(0, 0, 4, 2),)

# One refresh of a 60 Hz screen is 16.7 ms.
_LONGEST_NS = 16_000_000


def _plane(source: ConsoleSource) -> Plane:
    surface = source.latest().primary
    assert surface is not None
    return surface.plane


def _update(serial: int, x: int = 0, y: int = 0, width: int = 4, height: int = 2) -> Message:
    return call("UpdateDMABUF", x, y, width, height, serial=serial)


def test_a_dmabuf_is_shown_with_what_is_told_of_it(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(dmabuf_call(memfd(32), y0_top=True))
    plane = _plane(source)
    assert (plane.backing, plane.fourcc, plane.modifier) == (Backing.DMABUF, drm.DRM_FORMAT_XRGB8888, 0)
    assert (plane.width, plane.height, plane.stride, plane.offset) == (4, 2, 16, 0)
    assert plane.y_inverted
    assert source.display_facts().scanout == "dmabuf"


def test_a_dmabuf_that_comes_again_is_the_same_buffer(display: FakeDisplay, source: ConsoleSource) -> None:
    """So it is imported once. The number of an inode may come again when its fd is closed, and it is not."""
    first, second = memfd(32), memfd(32)
    more = [os.dup(first) for _ in range(3)]
    display.send(dmabuf_call(first))
    surface = source.latest().primary
    display.send(dmabuf_call(second))
    assert source.latest().primary is not surface
    for each in more:
        display.send(dmabuf_call(each))
        frame = source.latest()
        assert frame.primary is surface
        assert frame.damage == _ALL
    assert surface is not None
    changes = surface.buffer.changes
    assert changes is not None
    # Its pixels are others now.
    assert changes.since(1).rects is None


def test_four_dmabufs_are_kept_beside_the_one_on_the_screen(display: FakeDisplay, source: ConsoleSource) -> None:
    before = open_files()
    fds = [memfd(32) for _ in range(8)]
    first, fourth = os.dup(fds[0]), os.dup(fds[3])
    for each in fds:
        display.send(dmabuf_call(each))
        source.latest()
    source.latest()
    assert len(source.buffers()) == 5
    assert sum((open_files() - before).values()) == 5 + 2
    display.send(dmabuf_call(fourth))
    assert max(each.hits for each in source.buffers()) == 1
    display.send(dmabuf_call(first))
    assert max(each.hits for each in source.buffers()) == 1


def test_a_bad_plane_is_rejected_with_its_buffer(display: FakeDisplay, source: ConsoleSource) -> None:
    assert display.send_one(dmabuf_call(memfd(31))) == Done()
    frame = source.latest()
    assert frame.status.reason is Reason.BUFFER_TRUNCATED
    assert frame.primary is None
    assert frame.rejected[0].buffer is not None
    display.send(call("ScanoutDMABUF", memfd(32), 4, 2, 16, 0x20202020, 0, False))
    assert source.latest().status.reason is Reason.UNKNOWN_FORMAT
    display.send(dmabuf_call(memfd(32)))
    assert source.latest().status.reason is Reason.OK


def test_where_no_fd_is_left_the_call_fails_and_the_picture_stays(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(dmabuf_call(memfd(32)))
    shown = source.latest()
    before = open_files()
    # What this file is can be learned with a further fd only. So it is with a dma-buf.
    message = dmabuf_call(os.open("/dev/null", os.O_RDONLY))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        answer = display.send_one(message)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert isinstance(answer, Refusal)
    assert answer.text.startswith("EMFILE")
    assert open_files() == before
    assert source.latest() is shown
    assert problems(source)[DisplayProblem.BAD_MESSAGE].evidence.startswith("ScanoutDMABUF: EMFILE")


def test_a_part_of_a_larger_buffer_begins_at_its_offset(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(dmabuf2_call([memfd(8 * 4 * 4)], (4, 2, 4, 2), (8, 4)))
    plane = _plane(source)
    assert (plane.width, plane.height, plane.stride, plane.offset) == (4, 2, 32, 2 * 32 + 4 * 4)
    assert source.display_facts().scanout == "dmabuf2"
    assert DisplayProblem.PART_OF_LARGER not in problems(source)
    # Under virgl damage is told in coordinates of the whole.
    display.send(_update(7, 4, 2, 4, 2))
    assert source.latest().damage == _ALL


def test_of_a_tiled_buffer_the_whole_is_shown_and_told(display: FakeDisplay, source: ConsoleSource) -> None:
    modifier = drm.I915_FORMAT_MOD_X_TILED
    display.send(dmabuf2_call([memfd(1 << 16)], (128, 0, 128, 8), (256, 8), modifier=modifier))
    plane = _plane(source)
    assert (plane.width, plane.height, plane.offset) == (256, 8, 0)
    assert "128x8 at 128,0 of 256x8 pixels" in problems(source)[DisplayProblem.PART_OF_LARGER].evidence
    display.send(dmabuf2_call([memfd(1 << 16)], (0, 0, 128, 8), (256, 8), modifier=modifier))
    assert _plane(source).width == 128


def test_rows_that_are_a_screen_too_long_may_be_a_part_of_a_larger_buffer(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    """QEMU 10.0 does not tell which part it is."""

    def sized(stride: int, rows: int) -> None:
        fourcc = drm.DRM_FORMAT_XRGB8888
        display.send(call("ScanoutDMABUF", memfd(stride * rows), 640, 480, stride, fourcc, 0, False))

    sized(2560, 480)
    # What a driver adds for alignment.
    sized(2560 + 256, 480 + 16)
    assert problems(source) == {}
    sized(2560 * 2, 480)
    assert "rows of 5120 bytes for 640 pixels" in problems(source)[DisplayProblem.PART_OF_LARGER].evidence
    sized(2560, 480 * 2)
    assert "960 rows" in problems(source)[DisplayProblem.PART_OF_LARGER].evidence
    # In which coordinates its damage is told is not known either.
    source.latest()
    display.send(_update(7, 0, 0, 10, 10))
    assert source.latest().damage == (DamagedRect(0, 0, 640, 480),)


def test_several_memory_planes_are_told_and_closed(display: FakeDisplay, source: ConsoleSource) -> None:
    before = open_files()
    modifier = drm.I915_FORMAT_MOD_Y_TILED_CCS
    display.send(dmabuf2_call([memfd(32), memfd(32)], (0, 0, 4, 2), (4, 2), modifier=modifier, planes=2))
    frame = source.latest()
    assert frame.status.reason is Reason.SEVERAL_MEMORY_PLANES
    assert "2 memory planes" in frame.status.detail
    assert open_files() == before


def test_the_guest_waits_until_the_frame_is_shown(display: FakeDisplay, source: ConsoleSource) -> None:
    listener = display.listeners[0]
    display.send(dmabuf_call(memfd(32)))
    old = source.latest()
    assert display.send_one(_update(7)) == Later()
    source.shown(old, 0)
    assert display.woken == 0
    assert listener.due_answers(display.now_ns) == ([], display.now_ns + _LONGEST_NS)
    frame = source.latest()
    assert frame.damage == (DamagedRect(0, 0, 4, 2),)
    source.shown(frame, 0)
    assert display.woken == 1
    assert listener.due_answers(display.now_ns) == ([7], None)
    assert listener.due_answers(display.now_ns) == ([], None)
    facts = source.display_facts()
    assert facts.acknowledged
    assert problems(source)[DisplayProblem.PACED_BY_US].count == 1


def test_the_guest_waits_one_refresh_at_most(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(dmabuf_call(memfd(32)), _update(7))
    display.now_ns += 5_000_000
    display.send(_update(8))
    listener = display.listeners[0]
    assert listener.due_answers(1000 + _LONGEST_NS - 1) == ([], 1000 + _LONGEST_NS)
    assert listener.due_answers(1000 + _LONGEST_NS) == ([7], 1000 + 5_000_000 + _LONGEST_NS)
    assert listener.due_answers(1000 + 5_000_000 + _LONGEST_NS) == ([8], None)


def test_answers_of_a_connection_that_ended_are_not_sent_on_the_next_one(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    listener = display.listeners[0]
    display.send(dmabuf_call(memfd(32)), _update(7))
    listener.registered()
    assert listener.due_answers(10**12) == ([], None)
    display.send(_update(8))
    listener.closed("closed", ended=False)
    assert listener.due_answers(10**12) == ([], None)


def test_what_changes_no_picture_is_answered_at_once(display: FakeDisplay, source: ConsoleSource) -> None:
    assert display.send_one(_update(1)) == Done()
    display.send(dmabuf_call(memfd(32)))
    assert display.send_one(_update(2, width=0)) == Done()
    assert display.send(*[_update(each) for each in range(3, 40)]).count(Later()) == 16


def test_damage_outside_of_a_dmabuf_is_named_and_everything_may_have_changed(
    display: FakeDisplay, source: ConsoleSource
) -> None:
    display.send(dmabuf_call(memfd(32)))
    source.latest()
    display.send(_update(1, 4, 0, 2, 2))
    assert source.latest().damage == _ALL
    assert problems(source)[DisplayProblem.DAMAGE_OUTSIDE].evidence == "2x2 at 4,0 of 4x2 pixels"


def test_disable_keeps_the_picture(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(dmabuf_call(memfd(32)))
    shown = source.latest()
    display.send(call("Disable"))
    assert source.latest() is shown
    display.send(map_call(memfd(32)), call("Disable"))
    assert source.latest().primary is not None


def test_a_flip_that_qemu_ends_with_disable_is_no_lost_buffer(display: FakeDisplay, source: ConsoleSource) -> None:
    """Under OpenGL with blobs QEMU releases the old buffer after it sent the new one."""
    display.send(dmabuf_call(memfd(32)), _update(1))
    for serial in range(2, 6):
        display.send(dmabuf_call(memfd(32)), call("Disable"), _update(serial), _update(serial + 10))
    assert DisplayProblem.BUFFER_LOST not in problems(source)
    assert display.registered_again == 0


def test_a_lost_buffer_is_told_and_asked_for_and_the_old_one_shown(display: FakeDisplay, source: ConsoleSource) -> None:
    display.send(dmabuf_call(memfd(32)), _update(1))
    shown = source.latest().primary
    assert display.send(call("Disable"), _update(2)) == [Done(), Later()]
    assert source.latest().primary is shown
    assert problems(source)[DisplayProblem.BUFFER_LOST].count == 1
    assert display.registered_again == 1
    # Without another Disable it is the same buffer that changes.
    display.send(_update(3))
    assert display.registered_again == 1
