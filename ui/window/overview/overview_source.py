"""One screen of the overview: opened, polled for its thumbnail, shown in windows, and opened again when a VM has it."""

import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError, PermissionDenied
from app.host.dbus_display import DbusDisplay
from app.host.gpu import RenderNode
from app.host.vgpu import Vgpu
from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.loop_group import THUMBNAIL_PACE
from app.measure.loop.pacing import Pacer
from app.measure.loop.rate import Rate
from app.open.background import BackgroundOpener, open_in_background, wait_in_background
from app.open.opening import OpenOptions
from app.open.session import ConsoleChoice, Session
from app.open.spare_fds import spare_fds
from app.open.target import InheritedFd, Replay, Simulated, Target
from app.open.waiter import next_target
from app.planes.frame import Frame
from app.planes.pixel_samples import Look
from app.planes.shared_source import SharedSource, SourceShare
from app.planes.status import Reason, State, Status
from ui.window.overview.opening_queue import OpeningQueue
from ui.window.overview.overview_text import (
    ASKING,
    OPENING,
    PERMISSION,
    PushedScreen,
    Words,
    can_be_shown,
    caption_of,
    details_of,
    title_of,
    words_of_status,
    words_of_use,
)
from ui.window.overview.qt_loop_group import QtLoopGroup
from ui.window.pending_session import PendingSession
from ui.window.picture.draw_requests import GRACE_MS

_MS = 1_000_000
_JOIN_S = 0.5
# For the buffers of the screens that are being opened, and for Qt, which crashes where it gets none.
_KEPT_FDS = 64
# These reasons do not replace the words "VM ended".
_STILL_WAITING = (Reason.NOT_STARTED, Reason.VM_NOT_RUNNING, Reason.NO_DEVICE)


class Click(Enum):
    """What a click on a tile does."""

    NOTHING = "nothing"
    ASK = "ask"
    SHOW = "show"
    OPEN = "open"


class OverviewSource(QObject):
    """Owns what is open of one vGPU or console: a session whose source the tile shares with windows, or what opens it.

    ``changed`` fires when the words or the title may have changed, ``due`` when the thumbnail should be drawn, ``gone``
    when everything that was made from the buffers must be released, before it returns. ``opened`` fires when a device
    was opened: the picture that is still there is one of an earlier VM.
    """

    changed = pyqtSignal()
    due = pyqtSignal()
    gone = pyqtSignal()
    opened = pyqtSignal()

    def __init__(
        self,
        group: QtLoopGroup,
        openings: OpeningQueue,
        label: str,
        helper: HelperMethod,
        target: Target | None = None,
    ) -> None:
        """``target`` is opened, or waited for, again and again.

        None for a vGPU of :meth:`set_vgpu` or a console of :meth:`set_console`.
        """
        super().__init__()
        self._group = group
        self._openings = openings
        self._label = label
        self._helper = helper
        self._target = target
        self._vgpu: Vgpu | None = None
        self._display: PushedScreen | None = None
        self._console: Target | None = None
        self._until_click: Words | None = None
        # How the pixels of a frame are looked at. The surface sets it, which has the images.
        self.look: Callable[[Frame], Look | None] = lambda _frame: None
        self._visible = True
        self._pending: PendingSession | None = None
        self._session: Session | None = None
        self._shared: SharedSource | None = None
        self.loop: FrameLoop | None = None
        # Why nothing is shown, as long as there is no loop.
        self._words: Words = OPENING
        self._status: Status | None = None
        # The status of the last draw, which knows more than that of the frame.
        self._drawn: Status | None = None
        self._off_since_ns: int | None = None
        self._flipped: Frame | None = None
        self._rate = Rate()
        if target is not None:
            self._open_target(HelperMethod.NEVER, soon=False)

    def set_vgpu(self, vgpu: Vgpu) -> None:
        """What the host tells of the vGPU now. Opens it if a VM has it, and closes nothing that still works."""
        before, self._vgpu = self._vgpu, vgpu
        if self.loop is not None or self._pending is not None or self in self._openings:
            pass
        elif not (vgpu.holders or vgpu.claims):
            self._say(words_of_use(vgpu))
        elif self._words is not PERMISSION or before is None or before.holders != vgpu.holders:
            self._open_vgpu(vgpu, HelperMethod.NEVER)
        self.changed.emit()

    def set_console(self, display: PushedScreen, target: Target, until_click: Words | None) -> None:
        """A console of a VM's D-Bus display, or a screen of a Xen guest.

        It is opened now, or says ``until_click`` until the user wants it.

        It is never opened again by itself: every registration at a VM costs the VM something until it ends.
        """
        is_new, before = self._display is None, self._until_click
        self._display, self._console, self._until_click = display, target, until_click
        if until_click is None:
            if is_new:
                self._open_console(target)
        elif is_new or (self._words == before and before != until_click):
            self._say(until_click)

    def show(self) -> None:
        """Open a console that is not open."""
        if self._console is not None and self.click is Click.SHOW:
            self._open_console(self._console)

    @property
    def further_consoles(self) -> tuple[ConsoleChoice, ...]:
        """The other screens of the VM, as far as this one is open and tells them."""
        if not isinstance(self._display, DbusDisplay) or self._session is None:
            return ()
        return tuple(each for each in self._session.consoles() if not each.shown)

    @property
    def click(self) -> Click:
        """What a click does now."""
        if self.loop is not None and self._session is not None:
            return Click.OPEN
        if self._display is not None and not can_be_shown(self._display):
            return Click.NOTHING
        if self._console is not None:
            return Click.NOTHING if self._pending is not None or self in self._openings else Click.SHOW
        return Click.ASK if self._words is PERMISSION and self._helper is not HelperMethod.NEVER else Click.NOTHING

    def ask(self) -> None:
        """Open it again, and ask for root's permission."""
        self._stop_opening()
        if self._target is not None:
            self._open_target(self._helper, soon=False)
        elif self._vgpu is not None:
            self._open_vgpu(self._vgpu, self._helper)

    @property
    def exporter(self) -> RenderNode | None:
        """The GPU that exports the buffers, as far as it is known."""
        return self._session.exporter if self._session is not None else None

    def session_for_window(self) -> Session | None:
        """A session for one more window, which closes it; None if the screen is not open."""
        if self._session is None or self._shared is None or self.loop is None:
            return None
        return replace(self._session, source=self._shared.share())

    @property
    def target(self) -> Target | None:
        return self._target or self._console

    @property
    def frame(self) -> Frame | None:
        """The frame of the last poll; None if nothing is open."""
        return self.loop.frame if self.loop is not None else None

    def latest(self) -> Frame | None:
        """Poll now, just before a draw; None if nothing is open."""
        return self.loop.latest() if self.loop is not None else None

    @property
    def words(self) -> Words | None:
        """What to say instead of a picture; None while there is one."""
        if self.loop is None:
            return self._words
        status = self.status
        assert status is not None
        if status.state in (State.SHOWING, State.DEGRADED):
            return None
        if self._off_since_ns is not None and time.monotonic_ns() - self._off_since_ns < GRACE_MS * _MS:
            return None
        return OPENING if status.reason is Reason.NOT_STARTED else words_of_status(status)

    @property
    def status(self) -> Status | None:
        """The status of the picture, or why there is none; None if only :attr:`words` say it."""
        if self.loop is None:
            return self._status
        frame = self.loop.frame
        return self._drawn if frame.primary is not None and self._drawn is not None else frame.status

    @property
    def title(self) -> str:
        if self._display is not None:
            return self._label
        return title_of(self._vgpu, self._session, self._label)

    def caption(self) -> str:
        """The second line under the picture."""
        words, status = self.words, self.status
        heading = words.heading if words is not None else words_of_status(status or Status(Reason.OK)).heading
        rate = self._rate.per_second(time.monotonic_ns()) if words is None else 0
        return caption_of(self._known_vgpu(), self.title, heading, rate, self._display)

    def details(self) -> str:
        """What the tool tip says."""
        return details_of(self._known_vgpu(), self.status, self.words, self.frame, self._display)

    def set_visible(self, visible: bool) -> None:
        """Whether a person can see the tile. If not, it is polled rarely, and never due."""
        if visible != self._visible:
            self._visible = visible
            if self.loop is not None:
                self.loop.set_visible(visible)
                self._group.wake(self.loop)

    def drawn(self, status: Status, retry_ns: int | None) -> None:
        """The thumbnail was drawn, or could not be: ``status`` is that of its primary plane."""
        if self.loop is None:
            return
        self.loop.drawn(retry_ns, failed=status.state in (State.ERROR, State.WAITING))
        self._group.retry(self.loop, retry_ns)
        if status != self._drawn:
            self._drawn = status
            self.changed.emit()

    def shown(self) -> None:
        """The thumbnail is on the screen."""
        if self.loop is not None:
            self.loop.shown()

    def close(self, *, wait: bool = False) -> None:
        """Close everything but the windows; more calls do nothing. First release what was made from the buffers.

        With ``wait``, at the end of the program, the thread that still opens something gets half a second to end.
        """
        pending = self._pending
        self._stop_opening()
        if pending is not None and wait:
            pending.join(_JOIN_S)
        self._close_loop()

    def _known_vgpu(self) -> Vgpu | None:
        return self._vgpu or (self._session.vgpu if self._session is not None else None)

    def _open_vgpu(self, vgpu: Vgpu, helper: HelperMethod) -> None:
        options = OpenOptions(helper, alone=False)
        self._queue(lambda: open_in_background(vgpu, options=options))

    def _open_console(self, target: Target) -> None:
        self._queue(lambda: open_in_background(target, options=OpenOptions(HelperMethod.NEVER, alone=False)))

    def _open_target(self, helper: HelperMethod, *, soon: bool) -> None:
        target, options = self._target, OpenOptions(helper, alone=False)
        assert target is not None
        if isinstance(target, Simulated | InheritedFd | Replay):
            self._queue(lambda: open_in_background(target, options=options))
        else:
            # It does not open a free vGPU, and attaches to each VM that has it.
            self._begin(lambda: wait_in_background(target, options=options, soon=soon))

    def _queue(self, start: Callable[[], BackgroundOpener]) -> None:
        """Open when it is this source's turn."""
        self._say(OPENING)
        self._openings.add(self, lambda: self._begin(start))

    def _begin(self, start: Callable[[], BackgroundOpener]) -> None:
        try:
            if spare_fds() < _KEPT_FDS:
                raise MdevviewError("Too many files are open for one more screen")
            opener = start()
        except MdevviewError as error:
            self._openings.remove(self)
            self._say(Words("Cannot open this", error.message), Status(Reason.OPEN_FAILED, str(error)))
            return
        self._say(OPENING)
        self._pending = PendingSession(opener, self)
        self._pending.opened.connect(self._on_opened)
        self._pending.status_changed.connect(self._on_opening_status)
        self._pending.failed.connect(self._on_open_failed)

    def _on_opened(self, session: Session) -> None:
        self._stop_opening()
        self._session = session
        self._shared = SharedSource(session.source, lambda: QTimer.singleShot(0, self._poll_gone))
        self._start(self._shared.share())
        self.opened.emit()
        self.changed.emit()

    def _start(self, share: SourceShare) -> None:
        self._drawn, self._off_since_ns, self._rate = None, None, Rate()
        pacer = Pacer(THUMBNAIL_PACE, time.monotonic_ns())
        self.loop = FrameLoop(share, pacer, self.due.emit, self._on_frame, self._on_gone, probe=self._look)
        self.loop.set_visible(self._visible)
        self._group.add(self.loop)

    def _look(self, frame: Frame) -> Look | None:
        return self.look(frame)

    def _poll_gone(self) -> None:
        """A window saw the end of the device."""
        if self.loop is not None:
            self._group.wake(self.loop)

    def _on_opening_status(self, status: Status) -> None:
        if status.reason is Reason.PERMISSION_DENIED:
            self._say(PERMISSION, status)
        elif status.reason is Reason.ASKING_PERMISSION:
            self._say(ASKING, status)
        elif status.reason not in _STILL_WAITING or self._status is None or self._status.state is not State.GONE:
            self._say(words_of_status(status), status)

    def _on_open_failed(self, error: MdevviewError) -> None:
        self._stop_opening()
        if isinstance(error, PermissionDenied):
            self._say(PERMISSION, Status(Reason.PERMISSION_DENIED, error.message))
            return
        status = Status(Reason.OPEN_FAILED, str(error))
        self._say(Words("Cannot open this", error.message), status)

    def _on_frame(self, frame: Frame) -> None:
        now = time.monotonic_ns()
        if frame.primary is None:
            if self._off_since_ns is None:
                self._off_since_ns = now
                QTimer.singleShot(GRACE_MS + 1, self._on_grace_over)
        else:
            self._off_since_ns = None
            if self._flipped is None or frame.primary is not self._flipped.primary:
                self._rate.add(now)
        self._flipped = frame
        if frame.status.state is State.GONE:
            QTimer.singleShot(0, self._on_ended)

    def _on_grace_over(self) -> None:
        # A method, which Qt does not call any more when this object was deleted. The signal itself would crash then.
        self.changed.emit()

    def _on_gone(self) -> None:
        self.gone.emit()
        if self.loop is not None:
            self._group.remove(self.loop)

    def _on_ended(self) -> None:
        """The device is gone. Waits for its next VM if the user named it."""
        loop, session = self.loop, self._session
        if loop is None or session is None or loop.frame.status.state is not State.GONE:
            return
        status = loop.frame.status
        self._close_loop()
        if self._target is not None and not isinstance(self._target, Simulated | InheritedFd | Replay):
            self._target = next_target(self._target, session)
            self._open_target(HelperMethod.NEVER, soon=True)
        self._say(words_of_status(status), status)

    def _close_loop(self) -> None:
        loop, self.loop = self.loop, None
        if loop is not None:
            self._group.remove(loop)
            loop.close()
        self._session, self._shared = None, None

    def _stop_opening(self) -> None:
        self._openings.remove(self)
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.close()
            pending.deleteLater()

    def _say(self, words: Words, status: Status | None = None) -> None:
        self._words, self._status = words, status
        self.changed.emit()
