"""The buffers of a source as rows of texts. Pure."""

from app.formats.fourcc import fourcc_text
from app.formats.modifier import modifier_name
from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing
from app.text.clean import clean
from ui.window.inspector.plane_rows import bytes_text
from ui.window.inspector.rows_model import Row

HEADINGS = ("Picture", "Buffer", "Memory", "Use")
_LONGEST_NAME = 40


def buffer_row(facts: BufferFacts) -> Row:
    """What is known of a buffer, in three lines for each column. The first column is for its picture."""
    plane = facts.plane
    layout = f"{plane.width} × {plane.height}  {fourcc_text(plane.fourcc)}"
    buffer = (f"{_handle(facts)}, {plane.kind.name.lower()}", layout, modifier_name(plane.modifier))
    return Row(facts.serial, ("", _lines(*buffer), _lines(*_memory(facts)), _lines(*_use(facts))))


def _handle(facts: BufferFacts) -> str:
    plane = facts.plane
    if plane.backing is Backing.REGION:
        return f"region {plane.handle}"
    if plane.handle is None:
        return f"buffer {facts.serial}"
    return f"id {plane.handle}"


def _memory(facts: BufferFacts) -> tuple[str, ...]:
    of = f" of {clean(facts.exporter, _LONGEST_NAME)}" if facts.exporter else ""
    kind = "dma-buf" if facts.inode is not None else facts.plane.backing.value
    numbers = [f"{name} {value}" for name, value in (("fd", facts.fd), ("inode", facts.inode)) if value is not None]
    name = f"“{clean(facts.name, _LONGEST_NAME)}”" if facts.name else ""
    return bytes_text(facts.size), f"{kind}{of} {name}".rstrip(), ", ".join(numbers)


def _use(facts: BufferFacts) -> tuple[str, ...]:
    shown = f"shown {_times(facts.times_shown)}" + (", on screen" if facts.on_screen else "")
    return shown, f"imported {_times(facts.fetches)}", f"{facts.hits} cache hits"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _lines(*texts: str) -> str:
    return "\n".join(each for each in texts if each)
