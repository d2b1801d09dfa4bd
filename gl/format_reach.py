"""How each format and modifier would reach the GPU, before there is a buffer: what the import ladder would try."""

from app.diagnosis.picture.format_matrix import Reach
from app.formats import tiling
from app.formats.driver_formats import DriverFormats
from app.formats.fourcc import pixel_format
from app.planes.outcome import ImportMethod
from app.planes.plane import Backing, Plane, PlaneKind
from gl.context import Context
from gl.import_ladder import ImportLadder, is_linear

_EDGE = 256
_REACHES = {
    ImportMethod.EXPLICIT: Reach.IMPORTED,
    ImportMethod.IMPLICIT: Reach.IMPORTED_WITHOUT_MODIFIER,
    ImportMethod.REINTERPRETED: Reach.REINTERPRETED,
    ImportMethod.EXTERNAL: Reach.EXTERNAL,
}


def reach(context: Context, driver: DriverFormats, fourcc: int, modifier: int) -> Reach:
    """The first way that the import ladder would try for a plane of this driver; else whether it would be copied.

    It imports nothing, so it does not know of an import that fails although the display advertises it.
    """
    known = pixel_format(fourcc)
    if known is None:
        return Reach.NOT_SHOWN
    backing = Backing.REGION if driver.region else Backing.DMABUF
    stride = known.row_bytes(_EDGE)
    plane = Plane(
        PlaneKind.PRIMARY, backing, fourcc, modifier, _EDGE, _EDGE, stride, stride * _EDGE, 0, 0, None, None, 1
    )
    if not driver.region and context.imports_dma_bufs:
        for attempt in ImportLadder(context, plane, known, driver.exporter).attempts():
            external = attempt.external and attempt.method is not ImportMethod.REINTERPRETED
            return Reach.EXTERNAL if external else _REACHES[attempt.method]
    can_copy = is_linear(plane) or tiling.can_tile(modifier, known.bytes_per_pixel)
    return Reach.COPIED if can_copy and driver.readable else Reach.NOT_SHOWN
