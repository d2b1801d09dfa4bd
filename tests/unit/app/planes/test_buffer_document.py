"""The buffers of a source for programs."""

from app.abi import drm_fourcc as drm
from app.planes.buffer_document import buffers_document
from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing, Plane, PlaneKind


def _plane(backing: Backing, handle: int | None) -> Plane:
    return Plane(PlaneKind.PRIMARY, backing, drm.DRM_FORMAT_XRGB8888, 0, 64, 16, 256, 4096, 0, 0, None, None, handle)


def test_the_counts_of_source_and_renderer_are_joined_by_serial() -> None:
    dmabuf = BufferFacts(7, _plane(Backing.DMABUF, 3), 4096, 5, 99, "i915", "screen", 4, 1, 3, on_screen=True)
    region = BufferFacts(8, _plane(Backing.REGION, 10), 8192, fetches=1)
    first, second = buffers_document((dmabuf, region), {7: 2, 9: 1})
    assert (first["dmabuf_id"], first["region_index"], first["imports"]) == (3, None, 2)
    assert [first[key] for key in ("fd", "inode", "exporter", "name", "size")] == [5, 99, "i915", "screen", 4096]
    assert [first[key] for key in ("times_shown", "fetches", "hits", "on_screen")] == [4, 1, 3, True]
    assert [first[key] for key in ("fourcc", "modifier_name", "width", "stride")] == ["XR24", "LINEAR", 64, 256]
    assert (second["dmabuf_id"], second["region_index"], second["imports"], second["fd"]) == (None, 10, 0, None)
