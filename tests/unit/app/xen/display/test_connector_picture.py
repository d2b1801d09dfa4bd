from app.abi import drm_fourcc as drm
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from app.xen.display.connector_picture import ConnectorPicture
from app.xen.display.guest_buffers import GuestBuffer, GuestBuffers
from app.xen.display.requests import CreateBuffer
from tests.xen.display_front import fill_directory
from tests.xen.machine import FakeHost, FakeXen, fake_xen
from tests.xen.pages import PAGE, new_memory

_NOTHING = Status(Reason.NO_SCANOUT)
_FREED = Status(Reason.PLANE_OFF, "freed")
_PLANE = Plane(
    kind=PlaneKind.PRIMARY,
    backing=Backing.MEMORY,
    fourcc=drm.DRM_FORMAT_XRGB8888,
    modifier=0,
    width=32,
    height=32,
    stride=128,
    size=4096,
    x=0,
    y=0,
    hot_x=None,
    hot_y=None,
)


def _buffers(xen: FakeXen, host: FakeHost, count: int) -> tuple[GuestBuffers, list[GuestBuffer]]:
    domain = xen.create(displays=()).domain
    buffers = GuestBuffers(host.grants, domain.domid, new_memory)
    made = []
    for cookie in range(count):
        directory = domain.share(PAGE)
        fill_directory(directory, domain.share(PAGE).refs)
        made.append(buffers.create(CreateBuffer(cookie, 32, 32, 32, PAGE, False, directory.refs[0], 0)))
    return buffers, made


def test_frames_follow_what_is_shown_and_never_change() -> None:
    with fake_xen() as xen:
        buffers, (first, second) = _buffers(xen, xen.open_host(), 2)
        picture = ConnectorPicture(_NOTHING)
        assert picture.frame() is picture.frame()
        picture.show(first, _PLANE, 5)
        frame = picture.frame()
        assert frame.primary is not None and frame.primary.buffer.changes is not None
        version = frame.primary.buffer.changes.since(0).version
        assert frame.timing is not None and frame.timing.seen_ns == 5
        picture.show(second, _PLANE, 6)
        picture.show(first, _PLANE, 7)
        picture.show(first, _PLANE, 8)
        again = picture.frame()
        assert again.serial == frame.serial + 1 and again.primary is frame.primary
        assert again.timing is not None and again.timing.seen_ns == 6
        assert frame.primary.buffer.changes.since(version).rects is None
        assert picture.scanouts_skipped == 2
        assert [(each.times_shown, each.hits, each.on_screen) for each in picture.facts()] == [
            (2, 2, True),
            (1, 0, False),
        ]
        for each in (first, second):
            picture.forget(each, _FREED, 9)
        for retired in picture.retired():
            retired.release()
        buffers.release()
        assert xen.left_over() == {}


def test_memory_that_no_frame_had_is_unmapped_at_once_and_other_memory_by_its_consumer() -> None:
    with fake_xen() as xen:
        host = xen.open_host()
        buffers, (first, second) = _buffers(xen, host, 2)
        picture = ConnectorPicture(_NOTHING)
        picture.show(first, _PLANE, 1)
        picture.show(second, _PLANE, 2)
        picture.frame()
        for cookie, each in enumerate((first, second)):
            picture.forget(each, _FREED, 3)
            assert buffers.destroy(cookie) is each
        assert host.fake_grants.mapped_pages == 1
        assert picture.frame().status == _FREED
        (retired,) = picture.retired()
        retired.release()
        assert host.fake_grants.mapped_pages == 0
