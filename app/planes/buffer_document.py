"""The buffers of a source as a JSON document. A published key keeps its meaning."""

from collections.abc import Iterable, Mapping, Sequence

from app.formats.fourcc import format_name, fourcc_text
from app.formats.modifier import modifier_name
from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing
from app.planes.plane_document import Document


def buffers_document(
    facts: Iterable[BufferFacts],
    imports: Mapping[int, int],
    also_open: Mapping[int, Sequence[Document]] | None = None,
) -> list[Document]:
    """The element of ``buffers``, one for each buffer. ``imports`` counts EGL imports by the serial of the buffer.

    ``also_open`` has the fds of other processes that are the same dma-buf, by its inode number: ``pid``, ``process``
    and ``fd`` of each. None: nobody looked, and the key is null.
    """
    return [
        _buffer_document(each, imports.get(each.serial, 0))
        | {"also_open": None if also_open is None else list(also_open.get(each.inode or 0, ()))}
        for each in facts
    ]


def _buffer_document(facts: BufferFacts, imports: int) -> Document:
    plane = facts.plane
    return {
        "dmabuf_id": plane.handle if plane.backing is Backing.DMABUF else None,
        "region_index": plane.handle if plane.backing is Backing.REGION else None,
        "plane": plane.kind.name.lower(),
        "fd": facts.fd,
        "inode": facts.inode,
        "exporter": facts.exporter,
        "name": facts.name,
        "size": facts.size,
        "width": plane.width,
        "height": plane.height,
        "fourcc": fourcc_text(plane.fourcc),
        "format_name": format_name(plane.fourcc),
        "modifier": plane.modifier,
        "modifier_name": modifier_name(plane.modifier),
        "stride": plane.stride,
        "times_shown": facts.times_shown,
        "imports": imports,
        "fetches": facts.fetches,
        "hits": facts.hits,
        "on_screen": facts.on_screen,
    }
