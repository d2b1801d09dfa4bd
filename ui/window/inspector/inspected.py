"""What the inspector asks of the window whose picture it inspects."""

from dataclasses import dataclass
from typing import Protocol

from PyQt6.QtGui import QImage

from app.diagnosis.finding import Finding
from app.diagnosis.picture.format_matrix import EmittedReach
from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.driver_formats import DriverFormats, EmittedFormat
from app.planes.buffer_facts import BufferFacts
from app.planes.plane_document import Document


@dataclass(frozen=True, slots=True)
class Event:
    """One change: its time of the day, its kind, and what changed, in one line."""

    time: str
    kind: str
    text: str


class Inspected(Protocol):
    """All calls are made in the window's thread. Only :meth:`document` touches the device."""

    @property
    def pictures(self) -> int:
        """How many pictures the window has shown since it is inspected."""
        ...

    def state(self) -> Document:
        """The parts of an ``inspect`` document about the state, the planes and the renderer (null if there is none)."""
        ...

    def changes(self) -> tuple[Event, ...]:
        """What changed since the last call, in the order of time."""
        ...

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The buffers that the source holds now."""
        ...

    def imports(self, serial: int) -> int:
        """How often the window imported the buffer with this serial number."""
        ...

    def findings(self) -> tuple[Finding, ...]:
        """The findings about the picture, the most important first."""
        ...

    def path_text(self) -> str:
        """How the picture reaches the GPU, and what that costs; empty before the first picture."""
        ...

    def fourccs(self) -> tuple[int, ...]:
        """The formats that the window's display imports; empty if it names none."""
        ...

    def format_support(self, fourcc: int) -> FormatSupport:
        """What the window's display imports of one format."""
        ...

    def driver(self) -> DriverFormats | None:
        """What the driver of the vGPU can report; None if that is not known."""
        ...

    def reach(self, driver: DriverFormats, emitted: EmittedFormat) -> EmittedReach | None:
        """How a format of the driver would reach the GPU; None before the first picture."""
        ...

    def document(self) -> Document:
        """The document of ``mdevview inspect``. Raises GraphicsError, and OSError if the device cannot be read."""
        ...

    def start_thumbnail(self, facts: BufferFacts) -> bool:
        """Begin a thumbnail of a buffer. False if the window has no image of it."""
        ...

    def take_thumbnail(self) -> QImage | None:
        """The thumbnail that was begun; None as long as the GPU has not finished it, empty if it failed."""
        ...

    def release(self) -> None:
        """Delete what draws thumbnails. Nothing is asked afterwards."""
        ...
