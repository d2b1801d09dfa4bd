"""What a capture takes of each frame: the contents of its buffers, and how its planes were drawn."""

import time
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from app.errors import error_text
from app.planes.buffer import Buffer
from app.planes.frame import Frame, Surface, SurfaceKey
from app.planes.outcome import Outcome
from app.planes.pixel_samples import Look, PixelSamples
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status
from app.replay.capture_file import CaptureFile
from app.replay.recording_device import RecordingDevice
from app.replay.schema import MOST_CONTENT, Pixels, State
from gl.capture import CaptureKind
from gl.errors import GraphicsError
from gl.renderer import Renderer

# Looks find most changes in the buffer on the screen; this finds every one, and those that only the GPU can read.
_WHOLE_NS = 300_000_000
_MOST_OUTCOMES = 64
_VM_ENDED = "the VM ended"
# Buffers of which it is known that the file has a message; of a forgotten one it gets another.
_MOST_KNOWN = 4096


class PixelCapture:
    """Writes pixels and states to ``file``. The context of ``renderer`` must be current.

    ``every``: the pixels of each n-th picture are kept, 0 for none. ``device`` tells when a poll
    began. ``redact`` replaces names of VMs and users.
    """

    def __init__(
        self,
        renderer: Renderer,
        file: CaptureFile,
        device: RecordingDevice,
        redact: Callable[[str], str],
        every: int = 1,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._renderer = renderer
        self._file = file
        self._device = device
        self._redact = redact
        self._every = every
        self._clock = clock
        self._pictures = 0
        self._whole_at_ns = 0
        self._samples: dict[SurfaceKey, PixelSamples] = {}
        self._outcomes: OrderedDict[SurfaceKey, Outcome] = OrderedDict()
        self._frame = Frame(Status(Reason.NOT_STARTED))
        self._state: State | None = None
        self._known: set[tuple[int | None, int | None]] = set()

    def new_frame(self, frame: Frame) -> None:
        """A poll found this frame."""
        keys = {each.key for each in (frame.primary, frame.cursor) if each is not None}
        self._samples = {key: samples for key, samples in self._samples.items() if key in keys}
        before, self._frame = self._frame, frame
        # A cursor that moves makes a new frame, and the primary plane is that of before. Looks see its changes.
        shown = (before.primary, before.cursor, *(each.buffer for each in before.rejected))
        self._take(frame, {id(each) for each in shown})
        self._note_state(frame)

    def look(self, frame: Frame) -> Look | None:
        """Look at an unchanged frame, whose guest may have drawn into its buffers."""
        now = self._clock()
        if now >= self._whole_at_ns:
            self._outcomes.clear()
            self._note_state(frame)
            if self._every == 1:
                self._take(frame)
            self._whole_at_ns = self._clock() + _WHOLE_NS
        elif self._every and self._any_changed(frame, now):
            self._take(frame)
            return Look(draw=True, seen_ns=now, previous_ns=now)
        return None

    def _any_changed(self, frame: Frame, now: int) -> bool:
        # Both are looked at, so that each look is at the next rows.
        primary, cursor = self._changed(frame.primary, now), self._changed(frame.cursor, now)
        return primary or cursor

    def _changed(self, surface: Surface | None, now: int) -> bool:
        if surface is None:
            return False
        if surface.key not in self._samples:
            self._samples[surface.key] = PixelSamples(surface.plane)
        try:
            look = self._samples[surface.key].look(surface.buffer, now)
        except (OSError, ValueError, MemoryError):
            return False
        return look.draw and look.previous_ns is not None

    def _take(self, frame: Frame, without: AbstractSet[int] = frozenset()) -> None:
        """Write what the frame's buffers hold, but for those surfaces and buffers, of which this has the ids."""
        keep = self._every > 0 and self._pictures % self._every == 0
        self._pictures += 1
        surfaces = [each for each in (frame.primary, frame.cursor) if each is not None and id(each) not in without]
        for each in surfaces:
            self._take_buffer(each.plane, each.buffer, each, keep=keep)
        for rejected in frame.rejected:
            if rejected.buffer is not None and id(rejected.buffer) not in without:
                self._take_buffer(rejected.plane, rejected.buffer, None, keep=keep)

    def _take_buffer(self, plane: Plane, buffer: Buffer, surface: Surface | None, *, keep: bool) -> None:
        region = plane.handle if plane.backing is Backing.REGION else None
        pixels = Pixels(
            "cpu", plane.fourcc, plane.modifier, plane.width, plane.height, plane.stride, buffer.inode, region
        )
        poll_ns = self._device.poll_ns
        place = (buffer.inode, region)
        if len(self._known) >= _MOST_KNOWN:
            # GVT-g gives each export an inode of its own.
            self._known.clear()
        if not keep:
            if place not in self._known:
                self._known.add(place)
                self._write(pixels, "left-out", None, None, poll_ns)
            return
        self._known.add(place)
        size = min(buffer.size, MOST_CONTENT)
        if not self._file.has_room(size):
            self._file.drop(pixels, poll_ns, self._clock())
            return
        try:
            contents = _contents(buffer, size)
        except (OSError, MemoryError) as error:
            why = error_text(error) if isinstance(error, OSError) else "no memory"
            self._take_by_gpu(pixels, surface, why, poll_ns)
        except ValueError:
            # It was released.
            return
        else:
            self._write(pixels, "cpu", contents, None, poll_ns)

    def _take_by_gpu(self, pixels: Pixels, surface: Surface | None, why: str, poll_ns: int) -> None:
        contents = None
        if surface is not None:
            kind = CaptureKind.CURSOR if surface.plane.kind is PlaneKind.CURSOR else CaptureKind.PRIMARY
            is_cursor = kind is CaptureKind.CURSOR
            frame = Frame(Status(Reason.OK), None if is_cursor else surface, surface if is_cursor else None)
            try:
                picture = self._renderer.capture(frame, kind)
                contents = picture.tobytes() if picture is not None else None
            except GraphicsError as error:
                why = f"{why}; {error}"
        self._write(pixels, "gpu" if contents is not None else "unreadable", contents, why, poll_ns)

    def _write(self, pixels: Pixels, source: str, contents: bytes | None, why: str | None, poll_ns: int) -> None:
        self._file.pixels(replace(pixels, source=source, why=why), contents, poll_ns, self._clock())

    def _note_state(self, frame: Frame) -> None:
        detail = _VM_ENDED if frame.status.reason is Reason.VM_ENDED else self._redact(frame.status.detail)
        state = State(
            frame.status.reason.key, detail, self._outcome_document(frame.primary), self._outcome_document(frame.cursor)
        )
        if state != self._state:
            self._state = state
            self._file.record(state, self._device.poll_ns, self._clock())

    def _outcome_document(self, surface: Surface | None) -> dict[str, object] | None:
        if surface is None:
            return None
        outcome = self._outcomes.get(surface.key)
        if outcome is None:
            try:
                outcome = self._outcomes[surface.key] = self._renderer.outcome(surface)
            except GraphicsError:
                return None
            if len(self._outcomes) > _MOST_OUTCOMES:
                self._outcomes.popitem(last=False)
        return {
            "path": outcome.path.value if outcome.path is not None else None,
            "reason": outcome.status.reason.key,
            "detail": outcome.status.detail,
            "import_errors": [
                {"rung": each.method.value, "egl_error": each.egl_error, "message": each.message}
                for each in outcome.failures
            ],
        }


def _contents(buffer: Buffer, size: int) -> bytes:
    """The first ``size`` bytes. Raises OSError and ValueError as :meth:`Buffer.mapping` does."""
    with buffer.mapping(0, size) as memory:
        return bytes(memory)
