"""A buffer as a row: which buffer, its memory, its use."""

from app.abi import drm_fourcc as drm
from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing, Plane, PlaneKind
from ui.window.inspector.buffer_rows import LINES, buffer_row


def plane(backing: Backing, handle: int | None) -> Plane:
    return Plane(
        PlaneKind.PRIMARY, backing, drm.DRM_FORMAT_XRGB8888, 0, 640, 480, 2560, 1228800, 0, 0, None, None, handle
    )


def test_a_dma_buf_tells_all_that_is_known() -> None:
    facts = BufferFacts(9, plane(Backing.DMABUF, 7), 1228800, 23, 4711, "i915", "a\nb", 3, 1, 120, on_screen=True)
    row = buffer_row(facts, imports=2)
    assert row.key == 9
    assert row.texts[1].split("\n") == ["id 7, primary", "640 × 480  XR24", "LINEAR", "on screen"]
    assert row.texts[2].split("\n") == ["1228800 bytes", "i915 “a?b”", "inode 4711", "fd 23"]
    assert row.texts[3].split("\n") == ["shown 3 times", "fetched once", "imported 2 times", "120 cache hits"]
    assert max(each.count("\n") + 1 for each in row.texts) == LINES


def test_other_memory_has_no_numbers_of_a_dma_buf() -> None:
    region = buffer_row(BufferFacts(1, plane(Backing.REGION, 9), 1 << 20)).texts
    assert (
        region[1].startswith("region 9, primary\n")
        and region[1].endswith("\nnot on screen")
        and region[2] == "1048576 bytes"
    )
    assert buffer_row(BufferFacts(5, plane(Backing.MEMORY, None), 16)).texts[1].startswith("buffer 5, primary\n")
