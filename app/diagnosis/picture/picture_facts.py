"""The facts from which findings about a picture are made: of the source, of its planes, of the renderer."""

from dataclasses import dataclass, field
from enum import Enum

from app.device.gfx_plane import DisplayOffer
from app.diagnosis.picture.cursor_place import CursorPlace
from app.diagnosis.picture.host_facts import HostFacts
from app.host.vgpu import Vgpu
from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts
from app.planes.outcome import BridgeRoute, ImportFailure, PixelPath
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Status


class ImportProof(Enum):
    """What happened when another process imported a buffer and drew it."""

    DRAWN = "drawn"
    UNREADABLE = "unreadable"
    """EGL accepted the import, and OpenGL could not draw the image, or ended the process when it did."""
    REFUSED = "refused"
    """EGL did not accept the import."""
    CRASHED = "crashed"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class ImportEvidence:
    """``detail`` has the names of the errors, or of the signal: "eglCreateImage succeeded; draw: GL_OUT_OF_MEMORY"."""

    proof: ImportProof
    detail: str


@dataclass(frozen=True, slots=True)
class PlaneFacts:
    """One plane. ``plane`` is None if it is off or its query failed: then only ``status`` tells why.

    ``path``, ``bridge`` and ``failures`` are what the renderer made of it. ``map_error`` is why the CPU cannot map its
    dma-buf, in the kernel's words; empty if it can, None if that was not tried. ``import_evidence`` is None if no trial
    was made. ``one_colour`` is the value of all sampled pixels if they are equal, as red, green, blue, alpha of 8 bits;
    None if they differ or were not seen.
    """

    kind: PlaneKind
    status: Status
    plane: Plane | None = None
    buffer: BufferFacts | None = None
    path: PixelPath | None = None
    bridge: BridgeRoute | None = None
    failures: tuple[ImportFailure, ...] = ()
    map_error: str | None = None
    import_evidence: ImportEvidence | None = None
    one_colour: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class FormatSupport:
    """What an EGL display imports of one fourcc: pairs of modifier and whether it is for external textures only.

    ``modifiers`` is empty if the display names none.
    """

    fourcc: int
    modifiers: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class RendererFacts:
    """What draws. ``platform`` is how EGL was opened ("wayland", "x11", "surfaceless", "device"), None if unknown.

    ``render_node`` is None if the CPU draws or EGL does not tell. ``extensions`` are those of EGL and OpenGL that
    matter to imports. ``formats`` is empty if the display does not tell. ``fallback_reason`` says why the GPU that
    exports the buffers was not taken; empty if it was, or if nobody looked for it.
    """

    name: str
    vendor: str
    version: str
    egl_vendor: str
    egl_version: str
    software: bool
    imports_dma_bufs: bool
    platform: str | None = None
    render_node: str | None = None
    gpu_address: str | None = None
    extensions: tuple[str, ...] = ()
    formats: tuple[FormatSupport, ...] = ()
    fallback_reason: str = ""


@dataclass(frozen=True, slots=True)
class SeenCursor:
    """Where the cursor plane was, in words, and how many seconds ago it was last there."""

    place: CursorPlace
    text: str
    ago_s: float


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What was seen since the source was opened. Times are seconds.

    ``watched_s`` is how long it is watched. ``shown_before``: a picture was seen before. ``off_s`` is how long the
    primary plane has been off or failing, ``unchanged_s`` how long neither planes nor sampled pixels have changed; None
    if that does not apply. ``query_errors`` counts the failed queries by the name of their errno. ``cursor_seen``: a
    cursor plane was on at least once. ``cursor_places`` are the places, other than inside the picture, where it was.
    """

    watched_s: float = 0.0
    shown_before: bool = False
    off_s: float | None = None
    unchanged_s: float | None = None
    query_errors: tuple[tuple[str, int], ...] = ()
    cursor_seen: bool = False
    cursor_places: tuple[SeenCursor, ...] = ()


@dataclass(frozen=True, slots=True)
class ModeRequest:
    """A size in pixels that the guest was asked for. ``before`` is what it showed then, None for no picture."""

    width: int
    height: int
    before: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """``status`` is that of the picture. ``planes`` has the primary plane, then the cursor plane if the source has one.

    ``offer`` is None before the first probe, and for a source that is no VFIO device. ``pci_command`` is the command
    register in the device's PCI configuration space, which the guest writes; None if it was not read. ``renderer`` is
    None if nothing was drawn. ``late_mode`` is the mode that the guest was asked for and has not taken in time; None if
    there is none. ``display`` is what the source of a VM's console tells; None for any other source.
    """

    target: str
    status: Status
    planes: tuple[PlaneFacts, ...] = ()
    vgpu: Vgpu | None = None
    offer: DisplayOffer | None = None
    pci_command: int | None = None
    host: HostFacts = field(default_factory=HostFacts)
    renderer: RendererFacts | None = None
    history: HistoryFacts = field(default_factory=HistoryFacts)
    late_mode: ModeRequest | None = None
    display: DisplayFacts | None = None
