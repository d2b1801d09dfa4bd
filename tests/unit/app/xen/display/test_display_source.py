"""A guest's display, served on a fake Xen host, with a fake front end."""

import errno
import threading
import time
from functools import partial

import pytest

from app.edid.parse import parse_edid
from app.host.process import start_time
from app.planes.frame import Frame
from app.planes.plane import Backing
from app.planes.status import Reason, State
from app.xen.backend.claim import CLAIM_NODE
from app.xen.display import display_driver
from app.xen.display.display_source import VdisplSource
from app.xen.display.flip_events import LONGEST_NS
from tests.conftest import open_files
from tests.xen.display_front import RefusedRequest, Screen
from tests.xen.front import wait_until
from tests.xen.machine import fake_xen
from tests.xen.nodes import CLOSED, CONNECTED, DisplayConfig
from tests.xen.serving import pixels, served, wait_frame, wait_pixels

_SIZE = (64, 48)
_BYTES = 64 * 48 * 4
_TWO = (DisplayConfig((("left", 64, 48), ("right", 32, 32))),)


def _picture(number: int) -> bytes:
    return bytes((number, number * 3 & 0xFF, number * 7 & 0xFF, 0xFF)) * (_BYTES // 4)


def _backend_threads() -> int:
    return sum(each.name == "xen-backend" for each in threading.enumerate())


def test_each_flip_is_a_frame_and_its_end_is_told_when_it_was_shown() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            screen = Screen(guest.display, *_SIZE)
            frames: list[Frame] = []
            for number in range(60):
                flip = screen.show(_picture(number))
                wait_pixels(source, _picture(number))
                frames.append(source.latest())
                if flip:
                    guest.display.wait_done(flip)
            assert len({each.serial for each in frames}) == 60
            assert len({each.primary.buffer.serial for each in frames if each.primary}) == 2
            last = frames[-1]
            assert last.why_no_cursor.reason is Reason.NO_CURSOR_PLANE
            assert last.damage is not None and (last.damage[0].width, last.damage[0].height) == _SIZE
            assert guest.display.connectors[0].events.skipped == 0
            facts = source.display_facts()
            assert facts.scanout == "pages" and facts.acknowledged
            assert dict(facts.messages)["PG_FLIP"] == 59
            assert sum(each.on_screen for each in source.buffers()) == 1


def test_a_flip_that_nobody_looks_at_is_told_after_one_refresh() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest):
            guest.display.wait_connected()
            screen = Screen(guest.display, *_SIZE)
            screen.show(_picture(1))
            began = time.monotonic_ns()
            _, done_ns = guest.display.wait_done(screen.show(_picture(2)))
            assert done_ns - began >= LONGEST_NS


def test_a_second_flip_ends_the_first_one() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest):
            guest.display.wait_connected()
            screen = Screen(guest.display, *_SIZE)
            screen.show(_picture(1))
            flips = [screen.show(_picture(number)) for number in range(2, 12)]
            guest.display.wait_done(flips[-1])
            done = [fb for fb, _ in guest.display.connectors[0].events.done]
            assert done == [screen.fbs[(number + 1) % 2] for number in range(10)]


def test_the_screen_is_switched_off_and_on_and_its_memory_freed() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            assert wait_frame(source, Reason.NO_SCANOUT).primary is None
            screen = Screen(guest.display, *_SIZE)
            screen.show(_picture(1))
            wait_frame(source, Reason.OK)
            screen.off()
            off = wait_frame(source, Reason.PLANE_OFF)
            assert off.primary is None and off.status.state is State.NO_SIGNAL
            screen.show(_picture(2))
            wait_pixels(source, _picture(2))
            screen.close()
            wait_frame(source, Reason.PLANE_OFF)
            wait_until(lambda: not source.buffers() and source.latest(), lambda: str(source.buffers()))
            wait_until(lambda: xen.hosts[0].fake_grants.mapped_pages == 2, lambda: str(xen.left_over()))


def test_an_imported_buffer_has_only_a_size() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            buffer = guest.display.create(*_SIZE, imported=True)
            fb = guest.display.attach(buffer)
            buffer.draw(_picture(5))
            guest.display.configure(fb, *_SIZE)
            wait_pixels(source, _picture(5))


def test_connectors_of_one_display_share_a_thread_and_a_host() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=_TWO)
        with served(xen, guest) as left, served(xen, guest, connector=1) as right:
            guest.display.wait_connected()
            assert _backend_threads() == 1
            with pytest.raises(ValueError, match="shown already"):
                VdisplSource(xen.open_host(), guest.domid, 0, 0)
            first = Screen(guest.display, *_SIZE)
            second = Screen(guest.display, 32, 32, connector=1)
            first.show(_picture(1))
            second.show(bytes(32 * 32 * 4))
            wait_pixels(left, _picture(1))
            wait_pixels(right, bytes(32 * 32 * 4))
            right.close()
            first.show(_picture(2))
            wait_pixels(left, _picture(2))
            assert guest.display.connections == 1
        assert _backend_threads() == 0


def test_one_buffer_on_both_connectors_is_unmapped_after_both() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=_TWO)
        with served(xen, guest) as left, served(xen, guest, connector=1) as right:
            guest.display.wait_connected()
            mapped = xen.hosts[0].fake_grants.mapped_pages
            buffer = guest.display.create(*_SIZE)
            buffer.draw(_picture(9))
            fb = guest.display.attach(buffer)
            guest.display.configure(fb, *_SIZE)
            guest.display.configure(fb, 32, 32, connector=1)
            wait_pixels(left, _picture(9))
            part = wait_frame(right, Reason.OK).primary
            assert part is not None and (part.plane.width, part.plane.stride) == (32, 256)
            guest.display.destroy(buffer)
            wait_frame(left, Reason.PLANE_OFF)
            assert xen.hosts[0].fake_grants.mapped_pages > mapped
            wait_frame(right, Reason.PLANE_OFF)
            assert xen.hosts[0].fake_grants.mapped_pages == mapped


def test_released_buffers_come_again_as_others_of_the_same_memory() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(3))
            before = wait_frame(source, Reason.OK)
            source.release_buffers()
            assert before.primary is not None and before.primary.buffer.released
            after = source.latest()
            assert after is not before and after.timing is None
            assert pixels(after) == _picture(3)


def test_a_buffer_of_ours_is_drawn_by_the_guest_and_read_without_a_mapping_of_its_pages() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig(be_alloc=True)])
        with served(xen, guest) as source:
            guest.display.wait_connected()
            screen = Screen(guest.display, *_SIZE)
            for number in range(10):
                screen.show_and_wait(_picture(number))
                wait_pixels(source, _picture(number))
            frame = source.latest()
            assert frame.primary is not None
            assert frame.primary.plane.backing is Backing.DMABUF and frame.primary.buffer.dmabuf_fd is not None
            assert source.display_facts().scanout == "own-dmabuf"
            grants = xen.hosts[0].fake_grants
            assert (grants.mapped_pages, grants.granted_buffers) == (2, 2)
            screen.close()
            assert grants.granted_buffers == 0


@pytest.mark.parametrize(
    ("error", "said"), [(errno.ENOTTY, "CONFIG_XEN_GNTDEV_DMABUF"), (errno.EPERM, "Operation not permitted")]
)
def test_a_host_that_cannot_grant_a_dmabuf_says_why(error: int, said: str) -> None:
    with fake_xen() as xen:
        xen.import_error = error
        guest = xen.create(displays=[DisplayConfig(be_alloc=True)])
        with served(xen, guest) as source:
            guest.display.wait_connected()
            with pytest.raises(RefusedRequest):
                guest.display.create(*_SIZE)
            status = wait_frame(source, Reason.NOT_OPENED).status
            assert said in status.detail and "be-alloc=0" in status.detail
            # The guest's request made sense.
            assert list(source.display_facts().problems) == []


def test_a_pv_guest_with_buffers_of_the_backend_is_refused() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig(be_alloc=True)])
        xen.tree.write(f"/libxl/{guest.domid}/type", "pv")
        with served(xen, guest) as source:
            assert "be-alloc=0" in wait_frame(source, Reason.NOT_OPENED).status.detail
            assert source.ended() is not None
            assert guest.display.connections == 0


def test_a_display_of_another_process_and_one_that_is_not_there_are_refused() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        claim = f"{guest.display.backend}/{CLAIM_NODE}"
        xen.tree.write(claim, f"1 {start_time(1)}")
        with pytest.raises(OSError) as refused:
            VdisplSource(xen.open_host(), guest.domid, 0, 0)
        assert refused.value.errno == errno.EBUSY
        # The process that served it has ended without a word.
        xen.tree.write(claim, f"1 {start_time(1) + 1}")
        with served(xen, guest):
            guest.display.wait_connected()
        with pytest.raises(OSError) as refused:
            VdisplSource(xen.open_host(), guest.domid, 7, 0)
        assert refused.value.errno == errno.ENOENT
        assert _backend_threads() == 0


def test_a_display_that_another_process_takes_over_says_so() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            xen.tree.write(f"{guest.display.backend}/{CLAIM_NODE}", f"1 {start_time(1)}")
            assert "another process" in wait_frame(source, Reason.NOT_OPENED).status.detail
            assert source.ended() is not None
        assert guest.display.backend_state == CONNECTED


def test_a_viewer_that_lost_its_connection_says_so_and_the_next_one_works(caplog: pytest.LogCaptureFixture) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(1))
            wait_frame(source, Reason.OK)
            # As when xenstored ends: no state can be written any more.
            xen.hosts[0].store.close()
            source.shown(source.latest(), 0)
            guest.display.connectors[0].requests.channel.notify()
            assert wait_frame(source, Reason.DEVICE_FAULT).status.detail
            assert source.ended() is not None
        assert guest.display.backend_state == CONNECTED
        caplog.clear()
        with served(xen, guest) as source:
            wait_until(lambda: guest.display.connections == 2, lambda: str(guest.display.history))
            Screen(guest.display, *_SIZE).show(_picture(2))
            wait_pixels(source, _picture(2))


def test_a_failed_buffer_leaves_the_picture_that_is_shown() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig(be_alloc=True)])
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(1))
            wait_frame(source, Reason.OK)
            xen.hosts[0].fake_grants.import_error = errno.ENOTTY
            with pytest.raises(RefusedRequest):
                guest.display.create(*_SIZE)
            assert pixels(source.latest()) == _picture(1)


def test_the_edid_has_the_mode_of_the_connector() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=[DisplayConfig((("a", 1920, 1080), ("b", 1024, 768)))])
        with served(xen, guest):
            guest.display.wait_connected()
            for connector, size in enumerate([(1920, 1080), (1024, 768)]):
                edid = parse_edid(guest.display.edid(connector))
                preferred = edid.preferred
                assert preferred is not None and (preferred.width, preferred.height) == size
            with pytest.raises(RefusedRequest):
                guest.display.edid(size=127)


def test_a_guest_that_ends_is_gone_and_the_next_one_is_another_domain() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(1))
            frame = wait_frame(source, Reason.OK)
            fresh = xen.restart(guest)
            assert pixels(frame) == _picture(1)
            gone = wait_frame(source, Reason.VM_ENDED)
            assert gone.status.state is State.GONE and source.ended() == gone.status
        with served(xen, fresh) as source:
            fresh.display.wait_connected()
            Screen(fresh.display, *_SIZE).show(_picture(2))
            wait_pixels(source, _picture(2))


@pytest.mark.parametrize("keep_frontend", [False, True])
def test_a_killed_guest_is_gone(keep_frontend: bool) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            xen.destroy(guest, keep_frontend=keep_frontend, keep_backend=not keep_frontend)
            if keep_frontend:
                wait_until(lambda: source.latest().status.state is State.GONE, lambda: str(source.latest().status))
            else:
                wait_frame(source, Reason.VM_ENDED)


def test_a_display_that_is_detached_is_closed_then_gone() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(1))
            wait_frame(source, Reason.OK)
            xen.detach_display(guest)
            wait_frame(source, Reason.DISPLAY_CLOSED)
            guest.display.wait_backend_state(CLOSED)
            assert xen.left_over().keys() <= {"watches"}
            gone = wait_frame(source, Reason.DEVICE_REMOVED)
            assert gone.status.state is State.GONE


def test_a_guest_whose_devices_are_detached_first_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    # The toolstack may be slow here, as everything is while other tests run.
    monkeypatch.setattr(display_driver, "DETACHED_OR_ENDED_NS", 600_000_000_000)
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            xen.detach_display(guest)
            wait_frame(source, Reason.DISPLAY_CLOSED)
            xen.destroy(guest, keep_backend=False)
            wait_frame(source, Reason.VM_ENDED)


def test_a_driver_that_is_unloaded_and_loaded_shows_its_picture_again() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(1))
            wait_frame(source, Reason.OK)
            guest.display.close()
            wait_frame(source, Reason.PLANE_OFF)
            guest.display.wait_backend_state(2)
            guest.display.switch(1)
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(2))
            wait_pixels(source, _picture(2))


def test_a_hundred_viewers_one_after_the_other_leave_nothing() -> None:
    with fake_xen() as xen:
        guest = xen.create(displays=_TWO)
        host = xen.open_host()
        nodes = xen.tree.below(guest.display.backend)
        files = None
        for number in range(100):
            returned: list[bool] = []
            source = VdisplSource(host, guest.domid, 0, 0, release_host=partial(returned.append, True))
            guest.display.wait_connected()
            Screen(guest.display, *_SIZE).show(_picture(number))
            wait_pixels(source, _picture(number))
            source.close()
            source.close()
            assert (guest.display.backend_state, returned) == (CLOSED, [True])
            assert xen.left_over() == {}
            now = _open_files()
            assert files is None or now == files
            files = now
        assert _backend_threads() == 0
        after = xen.tree.below(guest.display.backend)
        assert after.keys() - nodes.keys() == {f"{guest.display.backend}/versions"}
        assert guest.display.connections == 100


def _open_files() -> dict[str, int]:
    """Without the memory of fake guests."""
    return {name: count for name, count in open_files().items() if "memfd" not in name}
