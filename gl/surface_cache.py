"""The texture cache: the image and the outcome of each surface, kept as long as its buffer lives.

An entry is found by the buffer's serial number and the plane's layout. So a flip between known buffers neither imports
nor allocates. A copied surface keeps its texture and is uploaded again for each frame. What failed for a passing
reason is tried again after a pause (:mod:`gl.retry`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.errors import error_text
from app.formats import tiling
from app.formats.fourcc import PixelFormat, pixel_format
from app.formats.modifier import modifier_name
from app.planes.check import check_plane
from app.planes.frame import Surface, SurfaceKey
from app.planes.outcome import ImportFailure, ImportMethod, Outcome, PixelPath
from app.planes.plane import Backing, Plane
from app.planes.status import Reason, Status
from gl.bridge import Bridge, BridgeFailure
from gl.bridged_surface import BridgedSurface
from gl.compositor import Image
from gl.context import Context
from gl.copied_surface import CopiedSurface, UploadTextures
from gl.errors import GlError
from gl.hand_overs import HandOvers
from gl.import_ladder import is_linear
from gl.import_trials import awaited, trial_retry
from gl.importer import Importer
from gl.retry import Retry, may_pass, next_retry
from gl.shared_parts import SharedParts

_OK = Status(Reason.OK)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedSurface:
    """The entry of a surface; ``image`` is None when it cannot be drawn.

    ``copied`` is set for a surface to refresh for each frame. ``retry`` is when to load the surface again, None for
    never. ``was_readable``: the CPU has read the buffer before. ``gl_error`` is OpenGL's error when it did not take the
    pixels.
    """

    surface: Surface
    outcome: Outcome
    image: Image | None = None
    copied: CopiedSurface | BridgedSurface | None = None
    retry: Retry | None = None
    was_readable: bool = False
    gl_error: GlError | None = None

    @property
    def bridged(self) -> BridgedSurface | None:
        """``copied``, if the surface comes over the bridge."""
        return self.copied if isinstance(self.copied, BridgedSurface) else None

    def release(self) -> None:
        """Release the texture; more calls do nothing."""
        if self.copied is not None:
            self.copied.release()
        elif self.image is not None:
            self.image.texture.release()


class SurfaceCache:
    """Owns every texture made from a buffer. The context must be current.

    ``parts`` may belong to other caches of the context too. ``clock`` gives nanoseconds, for the pauses before retries.
    """

    def __init__(self, context: Context, parts: SharedParts, clock: Callable[[], int]) -> None:
        self._context = context
        self._clock = clock
        self._probe = parts.probe
        self._trials = parts.trials
        self._importer = Importer(context, self._probe, self._trials)
        self._upload_textures = UploadTextures(context)
        self._bridge: Bridge | None = None
        self._hand_overs: HandOvers | None = None
        self._entries: dict[SurfaceKey, LoadedSurface] = {}
        self._imports: Counter[int] = Counter()
        # Changes whenever an entry comes or goes.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def imports(self) -> Mapping[int, int]:
        """How often each buffer that is not released was imported, by its serial number."""
        return self._imports

    def get(self, surface: Surface) -> LoadedSurface:
        """The surface's entry, loaded if necessary and up to date: ready to be drawn."""
        entry = self._entries.get(surface.key)
        if entry is None or (entry.retry is not None and self._clock() >= entry.retry.due_ns):
            return self._put(self._load(surface, entry))
        if entry.copied is not None and not self.refresh(entry):
            return self._entries[surface.key]
        return entry

    def cached_image(self, serial: int) -> Image | None:
        """The newest image that was made from the buffer of this serial number; None if there is none.

        None too if the buffer was released. Nothing is loaded.
        """
        found = None
        for key, entry in self._entries.items():
            if key[0] == serial and not entry.surface.buffer.released:
                found = entry.image
        return found

    def set_bridge(self, bridge: Bridge | None) -> None:
        """The bridge for what cannot be imported, from now on. What came over another one is dropped."""
        if bridge is self._bridge:
            return
        for key in list(self._entries):
            self._drop(key)
        if self._bridge is not None:
            self._bridge.drop_released()
        self._bridge = bridge
        self._importer.foreign = bridge is not None
        self._hand_overs = HandOvers(bridge, self._importer, self._probe) if bridge is not None else None

    def refresh(self, entry: LoadedSurface) -> bool:
        """Get the pixels of a copied or bridged surface again.

        False when that fails: another entry with the reason is then in its place.
        """
        if entry.copied is None:
            return True
        try:
            entry.copied.refresh(entry.surface.buffer)
        except BridgeFailure as error:
            self._put(self._instead_of_bridge(entry, error))
            return False
        except (OSError, ValueError, MemoryError, GlError) as error:
            self._put(self._failed(entry.surface, error, entry.outcome.failures, entry))
            return False
        return True

    def _put(self, entry: LoadedSurface) -> LoadedSurface:
        """Keep an entry in place of the one before, which is released last: both may use one texture.

        Equal outcomes are made one object, so that a draw sees at once that nothing of them changed.
        """
        key = entry.surface.key
        for other in self._entries.values():
            if other.outcome == entry.outcome:
                entry = replace(entry, outcome=other.outcome)
                break
        previous = self._entries.get(key)
        self._entries[key] = entry
        if previous is not None:
            previous.release()
        self.generation += 1
        return entry

    def prune(self, *keep: Surface | None) -> None:
        """Drop what was made from released buffers, and what was made from ``keep``'s buffers for other layouts."""
        kept = {each.key for each in keep if each}
        serials = {key[0] for key in kept}
        for key, entry in list(self._entries.items()):
            if entry.surface.buffer.released or (key[0] in serials and key not in kept):
                self._drop(key)
            if entry.surface.buffer.released:
                self._imports.pop(key[0], None)

    def _drop(self, key: SurfaceKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.release()
            self.generation += 1

    def drop_released(self) -> None:
        """Drop what was made from released buffers, and make the driver release it now."""
        self._trials.release()
        self.prune()
        self._context.sweep()
        self._probe.release_last_texture()
        if self._bridge is not None:
            self._bridge.drop_released()

    def release(self) -> None:
        """Drop everything; more calls do nothing."""
        self._trials.release()
        for key in list(self._entries):
            self._drop(key)
        self._imports.clear()
        self._context.sweep()
        self._probe.release_last_texture()
        if self._bridge is not None:
            # Other caches may go on using the bridge, and it must not keep these buffers.
            self._bridge.drop_released()

    def _load(self, surface: Surface, previous: LoadedSurface | None) -> LoadedSurface:
        """Import or copy a surface; ``previous`` is its entry before, when this is a retry."""
        plane, buffer = surface.plane, surface.buffer
        status = Status(Reason.NOT_READABLE, "the buffer was released") if buffer.released else None
        status = status or check_plane(plane, buffer.size) or self._too_large(plane)
        format_ = pixel_format(plane.fourcc)
        if status or format_ is None:
            return LoadedSurface(surface, Outcome(None, None, (), status or Status(Reason.UNKNOWN_FORMAT)))
        if buffer.dmabuf_fd is None:
            path = PixelPath.REGION if plane.backing is Backing.REGION else PixelPath.COPY
            tried = () if surface.export_failure is None else (surface.export_failure,)
            return self._copy(surface, format_, path, tried, _OK, previous)
        try:
            result = self._importer.load(plane, format_, buffer)
        except (OSError, MemoryError) as error:
            return self._failed(surface, error, (), previous)
        if result.image is not None:
            self._imports[buffer.serial] += 1
            outcome = Outcome(PixelPath.EGL_IMAGE, result.method, result.failures, _OK)
            return LoadedSurface(surface, outcome, result.image)
        on_trial = result.reason is Reason.IMPORT_ON_TRIAL
        failures = result.failures
        if self._bridge is not None and not on_trial:
            try:
                return self._over_bridge(self._bridge, surface, format_, failures, previous)
            except BridgeFailure as error:
                failures, on_trial = (*failures, *error.failures), error.on_trial
        status = Status(Reason.IMPORT_ON_TRIAL if on_trial else result.reason, _causes(failures))
        entry = self._copy(surface, format_, PixelPath.COPY, failures, status, previous)
        return self._until_trial_ends(entry) if on_trial else entry

    def _over_bridge(
        self,
        bridge: Bridge,
        surface: Surface,
        format_: PixelFormat,
        failures: tuple[ImportFailure, ...],
        previous: LoadedSurface | None,
    ) -> LoadedSurface:
        """Raises :class:`BridgeFailure`. ``failures`` are those of the window's own import."""
        assert self._hand_overs is not None
        bridged = BridgedSurface(bridge, self._hand_overs, surface.plane, format_, surface.buffer)
        try:
            bridged.refresh(surface.buffer)
        except BaseException:
            bridged.release()
            raise
        self._imports[surface.buffer.serial] += 1
        outcome = Outcome(PixelPath.BRIDGE, bridged.method, failures, _OK, bridged.route)
        retry = self._retry(_import_may_pass(failures), previous)
        if bridged.better_soon:
            retry = trial_retry(self._clock())
        return LoadedSurface(surface, outcome, bridged.image, bridged, retry)

    def _instead_of_bridge(self, entry: LoadedSurface, error: BridgeFailure) -> LoadedSurface:
        """The entry of a surface that came over the bridge until now: its pixels are copied, if that is possible."""
        surface, failures = entry.surface, (*entry.outcome.failures, *error.failures)
        format_ = pixel_format(surface.plane.fourcc)
        assert format_ is not None
        status = Status(Reason.IMPORT_FAILED, _causes(failures))
        return self._copy(surface, format_, PixelPath.COPY, failures, status, entry)

    def _too_large(self, plane: Plane) -> Status | None:
        limit = self._context.max_texture_size
        if max(plane.width, plane.height) <= limit:
            return None
        return Status(Reason.BAD_GEOMETRY, f"{plane.width}x{plane.height} pixels; this GPU takes {limit} at most")

    def _copy(
        self,
        surface: Surface,
        format_: PixelFormat,
        path: PixelPath,
        failures: tuple[ImportFailure, ...],
        status: Status,
        previous: LoadedSurface | None,
    ) -> LoadedSurface:
        plane = surface.plane
        if not is_linear(plane) and not tiling.can_tile(plane.modifier, format_.bytes_per_pixel):
            status = Status(Reason.TILING_UNKNOWN, _detail(modifier_name(plane.modifier), failures))
            retry = self._retry(_import_may_pass(failures), previous)
            return LoadedSurface(surface, Outcome(None, None, failures, status), retry=retry)
        copied = None
        try:
            copied = CopiedSurface(self._context, self._upload_textures, plane, format_)
            copied.refresh(surface.buffer)
        except (OSError, ValueError, MemoryError, GlError) as error:
            if copied is not None:
                copied.release()
            return self._failed(surface, error, failures, previous)
        if copied.missing:
            lost = f"the last {copied.missing} bytes, in a page that is not mapped whole, are shown black"
            status = Status(status.reason, f"{lost}; {status.detail}" if status.detail else lost)
        retry = self._retry(_import_may_pass(failures), previous)
        outcome = Outcome(path, None, failures, status)
        return LoadedSurface(surface, outcome, copied.image, copied, retry, was_readable=True)

    def _failed(
        self,
        surface: Surface,
        error: Exception,
        failures: tuple[ImportFailure, ...],
        previous: LoadedSurface | None,
    ) -> LoadedSurface:
        """The entry of a surface whose pixels could not be copied because of ``error``."""
        was_readable = previous is not None and previous.was_readable
        # Memory that was read before can be read: what fails now is no missing permission.
        copy_may_pass = may_pass(error) or (was_readable and isinstance(error, OSError))
        retry = self._retry(copy_may_pass or _import_may_pass(failures), previous)
        reason = Reason.UPLOAD_FAILED if isinstance(error, (GlError, MemoryError)) else Reason.NOT_READABLE
        text = error_text(error) if isinstance(error, OSError) else str(error) or "out of memory"
        detail = _detail(text, failures) + ("; it is tried again" if retry is not None else "")
        outcome = Outcome(None, None, failures, Status(reason, detail))
        gl_error = GlError(error.operation, error.codes) if isinstance(error, GlError) else None
        return LoadedSurface(surface, outcome, retry=retry, was_readable=was_readable, gl_error=gl_error)

    def _until_trial_ends(self, entry: LoadedSurface) -> LoadedSurface:
        """An entry that is looked at again soon, and that waits where the pixels cannot be copied meanwhile."""
        retry, outcome = trial_retry(self._clock()), entry.outcome
        if entry.image is None:
            outcome = replace(outcome, status=awaited(outcome.status))
        return replace(entry, outcome=outcome, retry=retry, gl_error=None)

    def _retry(self, passing: bool, previous: LoadedSurface | None) -> Retry | None:
        return next_retry(self._clock(), previous.retry if previous is not None else None) if passing else None


def _import_may_pass(failures: tuple[ImportFailure, ...]) -> bool:
    return any(each.may_pass for each in failures)


def _detail(copy_failure: str, failures: tuple[ImportFailure, ...]) -> str:
    if not failures:
        return copy_failure
    return f"{copy_failure}; importing: {_causes(failures)}"


def _causes(failures: tuple[ImportFailure, ...]) -> str:
    """Why the first import failed, and why the bridge did if there is one."""
    bridge = next((each for each in failures if each.method is ImportMethod.BRIDGE), None)
    if bridge is None or bridge is failures[0]:
        return failures[0].message
    return f"{failures[0].message}; bridge: {bridge.message}"
