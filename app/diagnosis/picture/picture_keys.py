"""The closed set of findings about a picture: key, severity, rank and sentence of each.

The set has the key of every error that ends a command (:mod:`app.errors`), of every reason of a status
(:class:`app.planes.status.Reason`) but *ok*, and of what only several facts together tell. A published key keeps its
meaning.
"""

from enum import Enum

from app.diagnosis.finding import Finding, Severity
from app.planes.status import Reason, State

SEVERITIES = {
    State.WAITING: Severity.INFO,
    State.NO_SIGNAL: Severity.INFO,
    State.SHOWING: Severity.OK,
    State.DEGRADED: Severity.WARNING,
    State.ERROR: Severity.ERROR,
    State.GONE: Severity.ERROR,
}


def _of(reason: Reason) -> tuple[str, Severity, str]:
    return reason.key, SEVERITIES[reason.state], sentence_of(reason)


def sentence_of(reason: Reason) -> str:
    """The meaning of a reason, or its key in words."""
    words = reason.key.replace("-", " ").replace("vm ", "VM ")
    return reason.meaning or f"{words[0].upper()}{words[1:]}."


class PictureKey(Enum):
    """The members are in the order of their rank, the most important first.

    ``key`` is in the documents. ``sentence`` is the message unless the values of a case give a better one.
    """

    # Errors that end a command.
    NEEDS_RUNNING_VM = "needs-running-vm", Severity.ERROR, "The driver opens the vGPU only while a VM runs with it."
    PERMISSION_DENIED = _of(Reason.PERMISSION_DENIED)
    DEVICE_BUSY = "device-busy", Severity.ERROR, "Another process has the vGPU open."
    NO_SUCH_DEVICE = "no-such-device", Severity.ERROR, "This host has no such vGPU or VM."
    PROCESS_GONE = "process-gone", Severity.ERROR, "The process does not exist, or has ended."
    DEVICE_GONE = "device-gone", Severity.ERROR, "The vGPU was removed, or the VM ended."
    OPEN_FAILED = _of(Reason.OPEN_FAILED)
    NOT_OPENED = _of(Reason.NOT_OPENED)
    USAGE = "usage", Severity.ERROR, "The command line, or the target, cannot be understood."
    AMBIGUOUS_TARGET = "ambiguous-target", Severity.ERROR, "The target fits several screens."
    RESOLUTION_REFUSED = "resolution-refused", Severity.ERROR, "The resolution cannot be set."
    NO_PICTURE = "no-picture", Severity.ERROR, "There was no picture within the time limit."
    FAILED = "failed", Severity.ERROR, "The command failed."

    # There is nothing to look at yet, or any more.
    VM_ENDED = _of(Reason.VM_ENDED)
    DEVICE_REMOVED = _of(Reason.DEVICE_REMOVED)
    NOT_STARTED = _of(Reason.NOT_STARTED)
    DISPLAY_CLOSED = _of(Reason.DISPLAY_CLOSED)
    NO_SCANOUT = _of(Reason.NO_SCANOUT)
    NO_DEVICE = _of(Reason.NO_DEVICE)
    VM_NOT_RUNNING = _of(Reason.VM_NOT_RUNNING)
    ASKING_PERMISSION = _of(Reason.ASKING_PERMISSION)

    RECORDING_DAMAGED = (
        "recording-damaged",
        Severity.WARNING,
        "A part of the recording is missing: what follows may be wrong.",
    )

    # The VM does not run.
    VM_STOPPED = "vm-stopped", Severity.WARNING, "A signal stopped the VM's process: its guest does not run."
    VM_FAILED = "vm-failed", Severity.ERROR, "The VM stopped after an error: its guest does not run."
    VM_SHUT_DOWN = "vm-shut-down", Severity.WARNING, "The guest has shut down; the VM's process still runs."
    VM_PAUSED = "vm-paused", Severity.WARNING, "The VM is paused: its guest does not run."
    VM_SUSPENDED = "vm-suspended", Severity.WARNING, "The guest sleeps (suspended to memory)."

    # There is no plane.
    NO_DISPLAY = _of(Reason.NO_DISPLAY)
    NO_VM = "no-vm", Severity.INFO, "No VM has this vGPU, so no guest draws."
    GVT_FAILSAFE = (
        "gvt-failsafe",
        Severity.ERROR,
        "The kernel stopped emulating this GVT-g vGPU (failsafe mode): the guest gets no display from it.",
    )
    # Without an OpRegion the guest's driver may never start, so waiting for it would be bad advice.
    OPREGION_MISSING = (
        "opregion-missing",
        Severity.WARNING,
        "The VM has no OpRegion for this GVT-g vGPU: most guest drivers then find no display.",
    )
    GUEST_DRIVER_NOT_LOADED = (
        "guest-driver-not-loaded",
        Severity.INFO,
        "The guest's graphics driver has not started the vGPU: there is no plane before it does.",
    )
    PLANE_NEVER_ENABLED = (
        "plane-never-enabled",
        Severity.INFO,
        "The plane was never on: the guest's graphics driver has not set a mode yet.",
    )
    PLANE_WENT_OFF = (
        "plane-went-off",
        Severity.INFO,
        "The guest turned its display off: the screen is blanked or asleep, or the guest restarts.",
    )
    PLANE_OFF = _of(Reason.PLANE_OFF)
    FIRMWARE_SCREEN_ELSEWHERE = (
        "firmware-screen-elsewhere",
        Severity.INFO,
        "The screens of firmware and boot loader are not on the vGPU's plane.",
    )
    NOT_INITIALIZED = _of(Reason.NOT_INITIALIZED)
    QUERY_REJECTED = _of(Reason.QUERY_REJECTED)
    FRAMEBUFFER_UNMAPPED = _of(Reason.FRAMEBUFFER_UNMAPPED)
    OUT_OF_MEMORY = _of(Reason.OUT_OF_MEMORY)
    DEVICE_FAULT = _of(Reason.DEVICE_FAULT)

    CURSOR_OFF = _of(Reason.CURSOR_OFF)
    NO_CURSOR_PLANE = _of(Reason.NO_CURSOR_PLANE)

    # There is a plane, but it or its buffer cannot be used.
    FETCHED_ELSEWHERE = _of(Reason.FETCHED_ELSEWHERE)
    FETCHED_BEFORE = _of(Reason.FETCHED_BEFORE)
    FETCH_FAILED = _of(Reason.FETCH_FAILED)
    BUFFER_TRUNCATED = _of(Reason.BUFFER_TRUNCATED)
    BAD_GEOMETRY = _of(Reason.BAD_GEOMETRY)
    UNKNOWN_FORMAT = _of(Reason.UNKNOWN_FORMAT)
    SEVERAL_MEMORY_PLANES = _of(Reason.SEVERAL_MEMORY_PLANES)
    DISPLAY_UNKNOWN_PIXMAN = (
        "display-unknown-format",
        Severity.ERROR,
        "QEMU sends the picture in a pixel format that mdevview does not know.",
    )
    DISPLAY_MAP_TOO_SMALL = (
        "display-map-too-small",
        Severity.WARNING,
        "The memory that QEMU shares is smaller than the picture that should be in it.",
    )
    DISPLAY_WRONG_FD = (
        "display-wrong-fd",
        Severity.WARNING,
        "QEMU sent a file that is not the memory of a picture. It was closed unread.",
    )
    DISPLAY_BUFFER_LOST = (
        "display-buffer-lost",
        Severity.WARNING,
        "QEMU updated the screen without sending its new buffer: the picture may be older than the guest's.",
    )
    DISPLAY_PART_OF_LARGER = (
        "display-part-of-larger",
        Severity.WARNING,
        "The screen is a part of a larger buffer: what is shown may be another part of it, or the whole.",
    )
    DISPLAY_BAD_MESSAGE = (
        "display-bad-message",
        Severity.WARNING,
        "A message on the connection to the VM's display makes no sense. It was left out, or refused.",
    )
    RENDER_FAILED = _of(Reason.RENDER_FAILED)
    UPLOAD_FAILED = _of(Reason.UPLOAD_FAILED)

    MODE_NOT_TAKEN = (
        "mode-not-taken",
        Severity.WARNING,
        "The guest has not taken the mode that it was asked for.",
    )

    # The GPU does not get at the pixels.
    IMPORT_AWAITED = _of(Reason.IMPORT_AWAITED)
    IMPORT_ON_TRIAL = _of(Reason.IMPORT_ON_TRIAL)
    WRONG_GPU = (
        "wrong-gpu",
        Severity.WARNING,
        "The GPU that draws is not the GPU of the vGPU: imports may fail, or the picture may be black.",
    )
    NO_IMPORT_EXTENSION = _of(Reason.NO_IMPORT_EXTENSION)
    NO_DMA_BUF = _of(Reason.NO_DMA_BUF)
    IMPORT_CRASHES_DRIVER = _of(Reason.IMPORT_CRASHES_DRIVER)
    IMPORT_UNREADABLE = (
        "import-unreadable",
        Severity.WARNING,
        "EGL accepts the import of the buffer, but OpenGL cannot draw the image.",
    )
    FORMAT_NOT_IMPORTABLE = _of(Reason.FORMAT_NOT_IMPORTABLE)
    MODIFIER_NOT_IMPORTABLE = _of(Reason.MODIFIER_NOT_IMPORTABLE)
    EXTERNAL_ONLY = (
        "external-only",
        Severity.WARNING,
        "This GPU imports the plane only as an external texture, which its OpenGL ES cannot sample here.",
    )
    IMPORT_FAILED = _of(Reason.IMPORT_FAILED)
    TILING_UNKNOWN = _of(Reason.TILING_UNKNOWN)
    COPY_IMPOSSIBLE = (
        "copy-impossible",
        Severity.ERROR,
        "The CPU cannot read the buffer either: its exporter forbids it.",
    )
    NOT_READABLE = _of(Reason.NOT_READABLE)

    # There is a picture.
    CURSOR_REFUSED = "cursor-refused", Severity.WARNING, "The guest's cursor plane cannot be shown."
    CURSOR_OUTSIDE = "cursor-outside", Severity.WARNING, "The cursor plane is outside the picture."
    PIXELS_LEFT_OUT = (
        "pixels-left-out",
        Severity.INFO,
        "The recording was made without all pixels: grey stands for those that were left out.",
    )
    ONE_COLOUR = "one-colour", Severity.INFO, "The picture has one colour only, and nothing is wrong on the way to it."
    PICTURE_UNCHANGED = "picture-unchanged", Severity.INFO, "The picture does not change."
    CURSOR_SIGN_LOST = (
        "cursor-sign-lost",
        Severity.INFO,
        "A cursor at the left or upper edge may be drawn mirrored: GVT-g reports positions without their sign.",
    )
    CURSOR_NOT_REPORTED = (
        "cursor-not-reported",
        Severity.INFO,
        "The device reports no cursor plane: the guest hides its cursor, or draws it into the picture.",
    )
    BRIDGE = (
        "bridge",
        Severity.INFO,
        "The GPU that exports the buffers imports them and hands each picture to the GPU that draws. That is no fault.",
    )
    REGION_ONLY = (
        "region-only",
        Severity.INFO,
        "The picture is in a region of the device file, not in a dma-buf: every frame is copied. That is no fault.",
    )
    DISPLAY_BY_VALUE = (
        "display-by-value",
        Severity.INFO,
        "QEMU sends the pixels inside its messages, not as shared memory: each change is copied once more. That is no "
        "fault.",
    )
    DISPLAY_DAMAGE_OUTSIDE = (
        "display-damage-outside",
        Severity.INFO,
        "QEMU tells of changes outside the picture. They are cut off; the picture is right.",
    )
    DISPLAY_PACED_BY_US = (
        "display-paced",
        Severity.INFO,
        "The guest's next frame waits until mdevview has taken this one: QEMU with OpenGL and Xen's displays do so. "
        "That is no fault.",
    )
    KERNEL_MESSAGES = "kernel-messages", Severity.INFO, "The kernel, or the vGPU's manager, says about this vGPU:"

    def __init__(self, key: str, severity: Severity, sentence: str) -> None:
        self.key = key
        self.severity = severity
        self.sentence = sentence

    def finding(self, evidence: str = "", remedy: str = "", message: str = "") -> Finding:
        """A finding of this key. Without ``message`` it says the key's sentence."""
        return Finding(self.key, self.severity, message or self.sentence, evidence, remedy)


_RANKS = {each.key: rank for rank, each in enumerate(PictureKey)}


def rank_of(finding: Finding) -> int:
    """The place of a finding among others; the smallest is listed first."""
    return _RANKS[finding.key]


def key_of(reason: Reason) -> PictureKey:
    """The key of a reason, which is not *ok*."""
    return PictureKey[reason.name]
