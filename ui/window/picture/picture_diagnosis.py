"""The findings about a window's picture, kept up to date while something is wrong with it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.display_findings import DISPLAY_KEYS
from app.diagnosis.picture.history import PictureHistory
from app.diagnosis.picture.host_facts import RunState
from app.diagnosis.picture.mode_watch import ModeWatch
from app.diagnosis.picture.picture_facts import ModeRequest, RendererFacts
from app.diagnosis.picture.picture_keys import PictureKey
from app.diagnosis.picture.still_findings import UNCHANGED_S
from app.edid.mode import Mode
from app.open.session import Session
from app.planes.frame import Frame, Surface
from app.planes.outcome import Outcome
from app.planes.pixel_samples import Look
from app.planes.status import Reason, State, Status
from gl.errors import GlError
from gl.one_colour import Colour, one_colour
from gl.picture_facts import picture_facts
from gl.renderer import DrawResult, Renderer
from gl.renderer_facts import facts_of_renderer
from ui.host_facts_reader import HostFactsReader

_INTERVAL_MS = 500
_INTERVAL_NS = _INTERVAL_MS * 1_000_000
_HOST_PERIOD_S = 3.0
# A desktop that nobody uses stays unchanged for hours.
_IDLE_PERIOD_NS = 5_000_000_000
_IDLE_HOST_PERIOD_S = 30.0
# A picture that stays unchanged for so long is looked at once: whether it has one colour.
_QUIET_S = 2.0


class DiagnosedPicture(Protocol):
    """What :class:`PictureDiagnosis` needs of its window."""

    @property
    def target(self) -> str: ...

    @property
    def session(self) -> Session | None: ...

    @property
    def frame(self) -> Frame: ...

    @property
    def status(self) -> Status: ...

    @property
    def renderer(self) -> Renderer | None: ...

    @property
    def last_draw(self) -> tuple[Frame | None, DrawResult | None]: ...


class PictureDiagnosis(QObject):
    """Owns a timer and the thread that reads the host's facts. ``changed`` fires when ``findings`` are others.

    While the picture is well, it only compares two times twice a second, and ``findings`` is empty. A panel that shows
    all findings calls :meth:`keep_current`.
    """

    changed = pyqtSignal()
    page_changed = pyqtSignal()
    """The findings are others, and the window has text with them in place of the picture."""
    told = pyqtSignal(str)
    """What the window should show over the picture for a moment: the guest did not take a mode that the user chose."""

    def __init__(
        self,
        picture: DiagnosedPicture,
        parent: QObject,
        current: Callable[[], AbstractContextManager[None]],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``current`` makes the window's context current for a while. ``clock`` gives nanoseconds."""
        super().__init__(parent)
        self._picture = picture
        self._current = current
        self._clock = clock
        self._history = PictureHistory(clock())
        self._mode_watch = ModeWatch()
        self._chosen = False
        self._host = HostFactsReader(clock)
        self._run_state: RunState | None = None
        self._renderer: RendererFacts | None = None
        self._findings: tuple[Finding, ...] = ()
        self._diagnosed_ns = clock() - _INTERVAL_NS
        # What was diagnosed last: of an idle picture, that is done again after a longer pause.
        self._diagnosed: tuple[Status, Colour | None, ModeRequest | None] | None = None
        self._always = False
        # The frame that was looked at for one colour, and what was found.
        self._looked = False
        self._one_colour: Colour | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the most important first."""
        return self._findings

    @property
    def headline(self) -> Finding | None:
        """The finding that the window shows; None if the user need not know of any."""
        # While a picture is shown, what was once wrong with the messages is told in the inspector only.
        told = [each for each in self._findings if not (self._shown() and each.key in DISPLAY_KEYS)]
        if not told:
            return None
        first = told[0]
        if (
            not self._shown()
            or first.severity in (Severity.WARNING, Severity.ERROR)
            or first.key == PictureKey.ONE_COLOUR.key
        ):
            return first
        return None

    @property
    def unchanged_s(self) -> float | None:
        """For how many seconds the picture has been unchanged; None without a picture, or if that is not known."""
        return self._history.unchanged_s(self._clock()) if self._shown() else None

    @property
    def run_state(self) -> RunState | None:
        """Whether the VM runs; None if that is not known, or was not asked because the picture changes."""
        return self._run_state

    def _shown(self) -> bool:
        return self._picture.status.state in (State.SHOWING, State.DEGRADED)

    def keep_current(self, on: bool) -> None:
        """Whether to keep the findings up to date although the picture is well."""
        self._always = on
        self.refresh()

    def asked_for(self, mode: Mode, chosen: bool) -> None:
        """The guest was asked for this mode: ``chosen`` by the user, or because it follows the window."""
        self._chosen = chosen
        self._mode_watch.asked(mode, _size(self._picture.frame), self._clock())

    def saw(self, frame: Frame) -> None:
        """The source has a new frame."""
        self._history.saw(frame, self._clock())
        self._mode_watch.saw(_size(frame))
        self._looked, self._one_colour = False, None

    def looked(self, look: Look) -> None:
        """The pixels on the screen were looked at."""
        self._history.looked(look, self._clock())
        if look.previous_ns is not None:
            self._looked, self._one_colour = False, None

    def forget(self, *, sees_pixels: bool = True) -> None:
        """Another source is shown from now on. ``sees_pixels`` is that of its loop."""
        self._history = PictureHistory(self._clock(), sees_pixels=sees_pixels)
        self._mode_watch.forget()
        self._run_state = None
        self._host.forget()
        self._looked, self._one_colour = False, None
        self._set(())

    def state_changed(self) -> None:
        """The status is another one: diagnose now, unless that was done a moment ago."""
        if self._clock() - self._diagnosed_ns >= _INTERVAL_NS:
            self.refresh()

    def refresh(self) -> None:
        """Diagnose now if something is wrong."""
        now = self._clock()
        quiet_s = self._history.unchanged_s(now) or 0.0
        missing = self._picture.status.state is not State.SHOWING
        if quiet_s >= _QUIET_S and not self._looked:
            self._look_for_one_colour()
        late = self._mode_watch.late(now)
        unwell = missing or late is not None or self._one_colour is not None
        if not (unwell or self._always or quiet_s >= UNCHANGED_S):
            self._diagnosed = self._run_state = None
            self._set(())
            return
        seen = (self._picture.status, self._one_colour, late)
        idle = not missing and not self._always and seen == self._diagnosed
        if idle and now - self._diagnosed_ns < _IDLE_PERIOD_NS:
            return
        self._diagnosed_ns, self._diagnosed = now, seen
        self._set(self._diagnose(now, _HOST_PERIOD_S if missing else _IDLE_HOST_PERIOD_S))

    def _diagnose(self, now: int, host_period_s: float) -> tuple[Finding, ...]:
        picture, session = self._picture, self._picture.session
        frame, shown = picture.frame, picture.last_draw[0]
        if frame.primary is not None and shown is not None and shown.primary is not None:
            # Of a frame that is not drawn yet, the renderer knows nothing.
            frame = shown
        host = self._host.latest(session.host_facts, host_period_s) if session is not None else None
        self._run_state = host.vm.state if host is not None and host.vm is not None else None
        facts = picture_facts(
            picture.target,
            frame,
            self._outcome_of,
            now,
            vgpu=session.vgpu if session is not None else None,
            device=session.device_facts() if session is not None else None,
            host=host,
            renderer=self._renderer_facts(),
            history=self._history,
            one_colour=self._one_colour,
            failure=picture.status if picture.status.reason is Reason.RENDER_FAILED else None,
            late_mode=self._mode_watch.late(now),
            display=session.display_facts() if session is not None else None,
        )
        return diagnose(facts)

    def _outcome_of(self, surface: Surface) -> Outcome | None:
        """What the last draw made of a surface; None if it was not drawn yet. The renderer is not asked again."""
        frame, result = self._picture.last_draw
        if frame is None or result is None:
            return None
        if surface is frame.primary:
            return result.primary
        return result.cursor if surface is frame.cursor else None

    def _renderer_facts(self) -> RendererFacts | None:
        renderer = self._picture.renderer
        if self._renderer is None and renderer is not None:
            with self._current():
                self._renderer = facts_of_renderer(renderer.context)
        return self._renderer

    def _look_for_one_colour(self) -> None:
        """Once for each time that the picture stays unchanged."""
        renderer = self._picture.renderer
        if renderer is None or not self._shown():
            return
        self._looked = True
        try:
            with self._current():
                self._one_colour = one_colour(renderer, self._picture.frame)
        except GlError:
            # The next draw fails in the same way, and tells of it.
            self._one_colour = None

    def _set(self, findings: tuple[Finding, ...]) -> None:
        if findings != self._findings:
            late = _late_mode(findings)
            if late is not None and late != _late_mode(self._findings) and self._chosen:
                self.told.emit(f"{late.message} {late.remedy}")
            self._findings = findings
            self.changed.emit()
            if not self._shown():
                self.page_changed.emit()

    def shut_down(self) -> None:
        """Stop the timer, and wait for the thread for a short while. More calls do nothing."""
        self._timer.stop()
        self._host.close()


def _size(frame: Frame) -> tuple[int, int] | None:
    return (frame.primary.plane.width, frame.primary.plane.height) if frame.primary is not None else None


def _late_mode(findings: tuple[Finding, ...]) -> Finding | None:
    return next((each for each in findings if each.key == PictureKey.MODE_NOT_TAKEN.key), None)
