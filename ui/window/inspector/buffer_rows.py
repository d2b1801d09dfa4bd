"""The buffers of a source as rows of texts. Pure."""

from app.formats.fourcc import fourcc_text
from app.formats.modifier import modifier_name
from app.planes.buffer_facts import BufferFacts
from app.planes.plane import Backing
from app.text.clean import clean
from ui.window.inspector.rows_model import Row

HEADINGS = ("Picture", "Buffer", "Memory", "Use")
LINES = 4
_LONGEST_NAME = 40


def buffer_row(facts: BufferFacts, imports: int = 0) -> Row:
    """What is known of a buffer, in up to :data:`LINES` lines for each column. The first column is for its picture."""
    plane = facts.plane
    buffer = (
        f"{_handle(facts)}, {plane.kind.name.lower()}",
        f"{plane.width} × {plane.height}  {fourcc_text(plane.fourcc)}",
        modifier_name(plane.modifier),
        # Always a line, so that the others do not move with each flip.
        "on screen" if facts.on_screen else "not on screen",
    )
    return Row(facts.serial, ("", _lines(*buffer), _lines(*_memory(facts)), _lines(*_use(facts, imports))))


def _handle(facts: BufferFacts) -> str:
    plane = facts.plane
    if plane.backing is Backing.REGION:
        return f"region {plane.handle}"
    if plane.handle is None:
        return f"buffer {facts.serial}"
    return f"id {plane.handle}"


def _memory(facts: BufferFacts) -> tuple[str, ...]:
    name = f"“{clean(facts.name, _LONGEST_NAME)}”" if facts.name else ""
    return (
        f"{facts.size} bytes",
        f"{clean(facts.exporter or '', _LONGEST_NAME)} {name}".strip(),
        f"inode {facts.inode}" if facts.inode is not None else "",
        f"fd {facts.fd}" if facts.fd is not None else "",
    )


def _use(facts: BufferFacts, imports: int) -> tuple[str, ...]:
    return (
        f"shown {_times(facts.times_shown)}",
        f"fetched {_times(facts.fetches)}",
        f"imported {_times(imports)}",
        f"{facts.hits} cache hits",
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _lines(*texts: str) -> str:
    return "\n".join(each for each in texts if each)
