"""States of the picture, each with a reason from a closed set and a hint that a user can act on."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    WAITING = "waiting"
    NO_SIGNAL = "no-signal"
    SHOWING = "showing"
    DEGRADED = "degraded"
    ERROR = "error"
    GONE = "gone"


class Reason(Enum):
    """The reason for a state. Each value is ``(key, state, meaning, remedy)``.

    JSON documents have the key. ``meaning`` and ``remedy`` are sentences; either may be empty.
    """

    NOT_STARTED = ("not-started", State.WAITING, "The screen has not been asked for yet.")
    NO_SCANOUT = ("no-scanout", State.WAITING, "The VM has not sent a picture yet.")
    DISPLAY_CLOSED = (
        "display-closed",
        State.WAITING,
        "The connection to the VM's display was closed.",
        "It is opened again by itself; if another client took the controls over, take them back.",
    )
    NO_DEVICE = (
        "no-device",
        State.WAITING,
        "",
        "Create the vGPU or start its VM; its screen then appears by itself.",
    )
    VM_NOT_RUNNING = (
        "vm-not-running",
        State.WAITING,
        "The VM does not run, or has no screen that can be shown.",
        "Start the VM; its screen then appears by itself.",
    )
    ASKING_PERMISSION = (
        "asking-permission",
        State.WAITING,
        "The VM belongs to another user: a dialog, or the terminal, asks for root's permission.",
    )

    IMPORT_AWAITED = (
        "import-awaited",
        State.WAITING,
        "Whether the graphics driver survives the import of this buffer is being tried in another process; the picture "
        "follows in a moment.",
    )

    PLANE_OFF = (
        "plane-off",
        State.NO_SIGNAL,
        "The guest shows nothing here: its display is off or asleep, or its graphics driver is not loaded yet.",
    )
    NOT_INITIALIZED = ("not-initialized", State.NO_SIGNAL, "The guest has not set up its display yet.")
    QUERY_REJECTED = (
        "query-rejected",
        State.NO_SIGNAL,
        "The driver cannot decode the guest's plane registers. During a mode switch this is normal, and passes.",
    )
    FRAMEBUFFER_UNMAPPED = (
        "framebuffer-unmapped",
        State.NO_SIGNAL,
        "The guest's framebuffer address is not mapped. During a mode switch this is normal, and passes.",
    )
    OUT_OF_MEMORY = ("out-of-memory", State.NO_SIGNAL, "The driver ran out of memory for the plane's buffer.")

    OK = ("ok", State.SHOWING, "")

    CURSOR_OFF = (
        "cursor-off",
        State.NO_SIGNAL,
        "The cursor plane is off: the guest hides its cursor, or draws it into the picture.",
        "Move the guest's pointer, or save the whole picture.",
    )
    NO_CURSOR_PLANE = (
        "no-cursor-plane",
        State.NO_SIGNAL,
        "This driver has no cursor plane: the guest draws its cursor into the picture.",
        "Save the whole picture.",
    )

    NO_IMPORT_EXTENSION = (
        "no-import-extension",
        State.DEGRADED,
        "This EGL display cannot import dma-bufs; frames are copied.",
        "Use a GPU driver (under X11, one with DRI3) or, without a GPU, Mesa 24.1 or later.",
    )
    NO_DMA_BUF = (
        "no-dma-buf",
        State.DEGRADED,
        "This GPU imports dma-bufs only, and the buffer is none; frames are copied.",
        "Simulated devices have dma-bufs where /dev/udmabuf can be opened; 'mdevview doctor' tells whether it can.",
    )
    FORMAT_NOT_IMPORTABLE = (
        "format-not-importable",
        State.DEGRADED,
        "This GPU does not import the plane's format; frames are copied.",
    )
    MODIFIER_NOT_IMPORTABLE = (
        "modifier-not-importable",
        State.DEGRADED,
        "This GPU does not import the plane's tiling; frames are copied.",
        "Name the GPU that exports it with --gpu; 'mdevview doctor' lists the GPUs.",
    )
    IMPORT_FAILED = (
        "import-failed",
        State.DEGRADED,
        "The import failed; frames are copied.",
        "Name the GPU that exports the buffer with --gpu; 'mdevview doctor' lists the GPUs.",
    )

    IMPORT_ON_TRIAL = (
        "import-on-trial",
        State.DEGRADED,
        "Whether the graphics driver survives the import is being tried in another process; until then frames are "
        "copied.",
    )
    IMPORT_CRASHES_DRIVER = (
        "import-crashes-driver",
        State.DEGRADED,
        "The graphics driver did not survive the import in another process; frames are copied.",
        "Update the graphics driver. 'mdevview doctor' names the file to remove to have the import tried again.",
    )

    PERMISSION_DENIED = (
        "permission-denied",
        State.ERROR,
        "You have no permission to look into the process.",
        "'mdevview doctor' lists the ways to get it. Opening is tried again when the VM restarts.",
    )
    OPEN_FAILED = ("open-failed", State.ERROR, "The screen could not be opened; this is tried again.")
    NOT_OPENED = ("not-opened", State.ERROR, "The screen could not be opened.")
    NO_DISPLAY = (
        "no-display",
        State.ERROR,
        "The device offers no display planes.",
        "Choose a vGPU type that does. Devices that are passed through, and SR-IOV functions of Intel and AMD GPUs, "
        "never do.",
    )
    UNKNOWN_FORMAT = (
        "unknown-format",
        State.ERROR,
        "mdevview does not know this pixel format.",
        "Please report it.",
    )
    BAD_GEOMETRY = (
        "bad-geometry",
        State.ERROR,
        "The driver reported an impossible plane.",
        "Report it with a recording: mdevview capture TARGET -o FILE --duration 5",
    )
    FETCH_FAILED = (
        "fetch-failed",
        State.ERROR,
        "The driver cannot export this framebuffer.",
        "It may pass when the guest sets its mode or flips.",
    )
    FETCHED_ELSEWHERE = (
        "fetched-elsewhere",
        State.ERROR,
        "Another process may hold this driver's buffers, and fetching one twice corrupts the kernel.",
        "Close that process.",
    )
    FETCHED_BEFORE = (
        "fetched-before",
        State.ERROR,
        "Fetching this buffer a second time would corrupt the kernel.",
        "Open the device again, or restart its VM.",
    )
    BUFFER_TRUNCATED = (
        "buffer-truncated",
        State.ERROR,
        "The buffer is smaller than the plane that it should hold.",
        "Report it with a recording: mdevview capture TARGET -o FILE --duration 5",
    )
    NOT_READABLE = (
        "not-readable",
        State.ERROR,
        "The CPU cannot read the buffer, and the GPU does not import it.",
    )
    TILING_UNKNOWN = (
        "tiling-unknown",
        State.ERROR,
        "This GPU cannot import the plane's tiling, and mdevview cannot undo it.",
        "Name the GPU that exports it with --gpu; 'mdevview doctor' lists the GPUs.",
    )
    SEVERAL_MEMORY_PLANES = (
        "several-memory-planes",
        State.ERROR,
        "The picture lies in several memory planes, as compressed pictures do; mdevview imports only one.",
        "Please report it.",
    )
    UPLOAD_FAILED = (
        "upload-failed",
        State.ERROR,
        "OpenGL could not take the plane's pixels, most likely for lack of memory.",
        "Look at the log (-v).",
    )
    RENDER_FAILED = ("render-failed", State.ERROR, "OpenGL failed on this host.", "Run 'mdevview doctor'.")
    DEVICE_FAULT = (
        "device-fault",
        State.ERROR,
        "The device answered with an unexpected error.",
        "Look at the log (-v).",
    )

    DEVICE_REMOVED = (
        "device-removed",
        State.GONE,
        "The vGPU was removed from this host, or the display from its guest.",
        "Choose another device, or create this one again and open it again.",
    )
    VM_ENDED = (
        "vm-ended",
        State.GONE,
        "The VM of this screen ended.",
        "Start it again.",
    )

    def __init__(self, key: str, state: State, meaning: str, remedy: str = "") -> None:
        self.key = key
        self.state = state
        self.meaning = meaning
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Status:
    """A reason, and the evidence for it in words; ``detail`` may be empty.

    ``errno`` is that of the call that failed; None if no call failed.
    """

    reason: Reason
    detail: str = ""
    errno: int | None = None

    @property
    def state(self) -> State:
        return self.reason.state

    @property
    def hint(self) -> str:
        """The meaning of the reason, and what the user can do."""
        return f"{self.reason.meaning} {self.reason.remedy}".strip()
