"""States of the picture, each with a reason from a closed set and a hint a user can act on."""

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
    """Why a state is what it is. Each value is ``(key, state, hint)``; the key is what JSON carries."""

    NOT_STARTED = ("not-started", State.WAITING, "The device was not asked yet.")
    NO_DEVICE = ("no-device", State.WAITING, "Create a vGPU (mdevctl) or start the VM; it appears by itself.")
    VM_NOT_RUNNING = ("vm-not-running", State.WAITING, "Start the VM; its screen appears by itself.")
    ASKING_PERMISSION = (
        "asking-permission",
        State.WAITING,
        "The VM is another user's: root's rights are being asked for, in a dialog or on the terminal.",
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
        "The driver cannot decode the guest's plane registers; during a mode switch this passes.",
    )
    FRAMEBUFFER_UNMAPPED = (
        "framebuffer-unmapped",
        State.NO_SIGNAL,
        "The guest's framebuffer address is not mapped; during a mode switch this passes.",
    )
    OUT_OF_MEMORY = ("out-of-memory", State.NO_SIGNAL, "The driver ran out of memory for the plane's buffer.")

    OK = ("ok", State.SHOWING, "")

    NO_IMPORT_EXTENSION = (
        "no-import-extension",
        State.DEGRADED,
        "This EGL display cannot import dma-bufs; frames are copied. It takes a GPU driver, under X11 one with DRI3, "
        "or without a GPU Mesa 24.1.",
    )
    FORMAT_NOT_IMPORTABLE = (
        "format-not-importable",
        State.DEGRADED,
        "This GPU does not import the plane's format; frames are copied.",
    )
    MODIFIER_NOT_IMPORTABLE = (
        "modifier-not-importable",
        State.DEGRADED,
        "This GPU does not import the plane's tiling; frames are copied. Render on the GPU that exports it.",
    )
    IMPORT_FAILED = (
        "import-failed",
        State.DEGRADED,
        "The import was refused; frames are copied. Render on the GPU that exports the buffer.",
    )

    PERMISSION_DENIED = (
        "permission-denied",
        State.ERROR,
        "The process is closed to you; 'mdevview doctor' names the ways. It is tried again when the VM restarts.",
    )
    OPEN_FAILED = ("open-failed", State.ERROR, "The device could not be opened; it is tried again.")
    NO_DISPLAY = ("no-display", State.ERROR, "The device offers no display planes; choose a type that does.")
    UNKNOWN_FORMAT = (
        "unknown-format",
        State.ERROR,
        "mdevview does not know this pixel format; please report it.",
    )
    BAD_GEOMETRY = (
        "bad-geometry",
        State.ERROR,
        "The driver reported an impossible plane; look at 'inspect'.",
    )
    FETCH_FAILED = (
        "fetch-failed",
        State.ERROR,
        "The driver refused the buffer or region that it named itself; the next flip may help.",
    )
    FETCHED_ELSEWHERE = (
        "fetched-elsewhere",
        State.ERROR,
        "Another process may hold this driver's buffers, and fetching one twice corrupts the kernel: close it.",
    )
    FETCHED_BEFORE = (
        "fetched-before",
        State.ERROR,
        "Fetching this buffer a second time would corrupt the kernel. Open the device anew, or restart its VM.",
    )
    BUFFER_TRUNCATED = (
        "buffer-truncated",
        State.ERROR,
        "The buffer is smaller than the plane it is said to hold; look at 'inspect'.",
    )
    NOT_READABLE = (
        "not-readable",
        State.ERROR,
        "This GPU cannot import the buffer and the driver does not let the CPU read it.",
    )
    TILING_UNKNOWN = (
        "tiling-unknown",
        State.ERROR,
        "This GPU cannot import the plane's tiling and mdevview cannot undo it. Render on the GPU that exports it.",
    )
    UPLOAD_FAILED = (
        "upload-failed",
        State.ERROR,
        "OpenGL could not take the plane's pixels, most likely for lack of memory; see the log.",
    )
    RENDER_FAILED = ("render-failed", State.ERROR, "OpenGL failed on this host; 'mdevview doctor' looks at it.")
    DEVICE_FAULT = ("device-fault", State.ERROR, "The device answered with an unexpected error; see the log.")

    DEVICE_REMOVED = ("device-removed", State.GONE, "Choose another one, or create it again and open it anew.")
    VM_ENDED = ("vm-ended", State.GONE, "Start it again; a window with --wait shows it then by itself.")

    def __init__(self, key: str, state: State, hint: str) -> None:
        self.key = key
        self.state = state
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Status:
    """A reason with what was seen, in words; ``detail`` may be empty."""

    reason: Reason
    detail: str = ""

    @property
    def state(self) -> State:
        return self.reason.state

    @property
    def hint(self) -> str:
        return self.reason.hint
