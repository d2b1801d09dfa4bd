"""One window and what it shows: a session with the VM's monitor, or why there is none yet."""

import time
from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.errors import AmbiguousTarget, MdevviewError, UsageError
from app.host.vgpu import Vgpu, is_gvt
from app.input.signed_cursor_source import SentPointer, SignedCursorSource
from app.measure.loop.pacing import Pacer, pace_of
from app.open.session import Session
from app.open.target import Replay, Target, parse_target, vm_named
from app.open.target_label import label_of
from app.open.waiter import can_wait
from app.planes.frame import Frame
from app.planes.frame_source import FrameSource
from app.planes.status import Reason, State, Status
from app.planes.status_source import StatusSource
from ui.window.chooser import choose_device
from ui.window.main_window import MainWindow
from ui.window.openings import Openings
from ui.window.page.page_content import Attempt, PageAction
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.qt_frame_loop import QtFrameLoop
from ui.window.settings.subject import subject_of
from ui.window.shown_target import (
    again_target,
    check_resolution,
    gone_text,
    is_shown,
    is_substitute,
    target_of,
)
from ui.window.vm_monitor import VmMonitor
from ui.window.warning import warn
from ui.window.window_memory import WindowMemory
from ui.window.window_options import WindowOptions

# These reasons do not replace the text "VM ended" in the window.
_STILL_WAITING = (Reason.NOT_STARTED, Reason.VM_NOT_RUNNING, Reason.NO_DEVICE)


class Viewer(QObject):
    """Owns ``session``, the opened ``target``, and shows it; without a session it waits for the target."""

    failed = pyqtSignal(object)
    """The first device could not be opened; carries the MdevviewError."""

    def __init__(
        self,
        target: Target,
        session: Session | None,
        options: WindowOptions,
        redraw: int,
        chosen: Vgpu | Target | None = None,
        elsewhere: Callable[[Target], bool] = lambda _target: False,
    ) -> None:
        """``redraw`` is the display's refresh interval in nanoseconds. Without a session, ``chosen`` is opened.

        ``elsewhere`` shows what another window of this program has open already; it tells whether it did.
        """
        super().__init__()
        self._target = target
        self._session = session
        self._options = options
        self._pace = pace_of(options.poll, redraw)
        self._openings = Openings(options, self)
        self._elsewhere = elsewhere
        # Shown as long as there is no session.
        self._waiting = StatusSource(Status(Reason.NOT_STARTED))
        # Whether the window shows the end of a VM, see _STILL_WAITING.
        self._shows_end = False
        # Whether the window shows nothing and waits for nothing, but opens a device, or says why it could not.
        self._is_empty = session is None and chosen is not None
        # Whether an error at opening ends the program.
        self._error_ends = not options.page
        # What is opened, or was tried last; why that failed.
        self._wanted: Vgpu | Target = chosen if chosen is not None else target
        self._error: MdevviewError | None = None
        # Whether the next start of a VM that ended is waited for.
        self._waits = options.wait
        self._checks_resolution = options.page
        label = session.label if session is not None else label_of(target_of(chosen) if chosen is not None else target)
        self._loop = self._loop_for(session.source if session is not None else self._waiting, session)
        self.picture = PictureWindow(self._loop, label, options.gpu)
        self.picture.set_session(session)
        memory = WindowMemory(options.given)
        memory.show(subject_of(session.vm, session.vgpu, session.guest_name) if session is not None else "")
        self.window = MainWindow(self.picture, label, options.view, self._choose, options.examine_host, memory)
        self.window.no_vgpu.setVisible(session is not None and is_substitute(target, session))
        self.window.playback.again_wanted.connect(self._play_again)
        self.window.area.wanted.connect(self._do)
        self.window.screens.chosen.connect(self._open_screen)
        self.monitor = VmMonitor(self.window)
        if options.resolution is not None:
            self.window.resolution.ask(options.resolution)
        self.window.resolution.follow(options.follow)
        if session is not None:
            self.window.playback.set_playback(session.playback)
            self.window.screens.set_consoles(session.consoles)
            self.window.clipboard.set_clipboard(session.clipboard)
            self.monitor.set_route(session.input)
            self.window.resolution.set_control(session.resolution)
        elif chosen is not None:
            self.monitor.set_none("the screen is not open yet")
            self._open(chosen)
        else:
            self.monitor.set_none("there is no VM yet")
            self._wait(target, soon=False)
        self._tell_page()
        # Now, because the window opens with the size of the picture.
        self._loop.latest()
        self._loop.start()

    def shut_down(self) -> None:
        """Close everything. More calls do nothing."""
        self._openings.close()
        self.window.resolution.shut_down()
        self.picture.shut_down()
        self._close_session()
        self._waiting.close()
        self.monitor.close()
        self._openings.join()

    def _loop_for(self, source: FrameSource, session: Session | None = None) -> QtFrameLoop:
        pointer = SentPointer()
        if session is not None and is_gvt(session.vgpu):
            source = SignedCursorSource(source, pointer)
        loop = QtFrameLoop(source, Pacer(self._pace, time.monotonic_ns()), pointer=pointer)
        loop.frame_changed.connect(self._on_frame_changed)
        return loop

    def _show_session(self, session: Session, target: Target) -> None:
        """Show another session from now on. What the user chose meanwhile is still opened, and replaces it."""
        self._openings.stop_waiting()
        self._is_empty = self._error_ends = False
        self._error, self._wanted = None, again_target(target, session)
        self.window.no_vgpu.setVisible(is_substitute(target, session))
        # Before the old source is closed.
        self.window.resolution.set_none()
        self._shows_end = False
        self._show(session.source, session.label, session)
        self._close_session()
        self._session, self._target = session, target
        self.window.remember_for(subject_of(session.vm, session.vgpu, session.guest_name))
        self.picture.set_session(session)
        self.window.playback.set_playback(session.playback)
        self.window.screens.set_consoles(session.consoles)
        self.window.clipboard.set_clipboard(session.clipboard)
        self.window.resolution.set_control(session.resolution)
        self.monitor.set_route(session.input)
        self._tell_page()

    def _show(self, source: FrameSource, label: str, session: Session | None = None) -> None:
        self._loop = self._loop_for(source, session)
        self.picture.set_loop(self._loop, label)
        self.window.set_label(label)
        self._loop.start()

    def _show_status(self, status: Status, label: str) -> None:
        """Show a status until there is a session."""
        self._waiting.close()
        self._waiting = StatusSource(status)
        self._shows_end = status.state is State.GONE
        self._show(self._waiting, label)
        # Now, because the title would show another state for a moment.
        self._loop.latest()
        self._close_session()

    def _close_session(self) -> None:
        """Close the session. Called after the picture has another loop, so that no image uses its buffers."""
        session, self._session = self._session, None
        self.picture.set_session(None)
        self.window.playback.set_playback(None)
        self.window.screens.set_consoles(tuple)
        self.window.clipboard.set_clipboard(None)
        if session is not None:
            session.close()

    def _on_frame_changed(self, frame: Frame) -> None:
        if frame.status.state is State.GONE:
            self.window.resolution.set_none(gone_text(frame.status))
            self.window.playback.set_gone()
            # Not during the loop's own step, because this may replace the loop.
            QTimer.singleShot(0, self._on_ended)

    def _on_ended(self) -> None:
        session, status = self._session, self._loop.frame.status
        # The user may have chosen another device meanwhile.
        if session is None or status.state is not State.GONE:
            return
        self.monitor.set_none(gone_text(status))
        self._wanted = again_target(self._target, session)
        self._tell_page()
        if not self._waits:
            return
        what = f"{status.detail}; waiting for its next start" if status.detail else "waiting for its next start"
        self._show_status(Status(status.reason, what), session.label)
        self._wait(again_target(self._target, session), soon=True)

    def _wait(self, target: Target, *, soon: bool) -> None:
        self._target = self._wanted = target
        self._is_empty, self._error = False, None
        try:
            pending = self._openings.wait(target, soon=soon)
        except MdevviewError as error:
            self._on_wait_status(Status(Reason.OPEN_FAILED, str(error)))
            self._tell_page()
            return
        pending.opened.connect(lambda session: self._show_session(session, target))
        pending.status_changed.connect(self._on_wait_status)
        self._tell_page()

    def _on_wait_status(self, status: Status) -> None:
        if not self._shows_end:
            self._waiting.set(status)
        elif status.reason not in _STILL_WAITING:
            self._show_status(status, self.window.label)

    def _choose(self) -> None:
        try:
            chosen = choose_device(self.window)
        except MdevviewError as error:
            self._warn(error)
            return
        state = self.picture.frame.status.state
        if chosen is None or (self._session is not None and is_shown(chosen, self._session, state)):
            return
        if not isinstance(chosen, Vgpu) and self._elsewhere(chosen):
            return
        if self._error is not None and not isinstance(self._error, AmbiguousTarget):
            # They were for the device that could not be opened.
            self.window.resolution.clear_request()
            self._checks_resolution = False
        self._open(chosen)

    def _open_screen(self, target: str) -> None:
        try:
            chosen = parse_target(target)
        except UsageError as error:
            self._warn(error)
            return
        if not self._elsewhere(chosen):
            self._open(chosen)

    def _play_again(self) -> None:
        if isinstance(self._target, Replay):
            self._open(self._target)

    def _open(self, chosen: Vgpu | Target) -> None:
        """Open what the user chose. Until it is open, the window shows what it showed before."""
        self._stop_opening()
        self._error = None
        if self._is_empty:
            self._wanted = chosen
            self._waiting.set(Status(Reason.NOT_STARTED))
            self.window.set_label(label_of(target_of(chosen)))
        try:
            # What the user chose from a list is opened also while a VM would be waited for.
            alone = isinstance(chosen, Vgpu) or not self._waits
            pending = self._openings.open(chosen, alone=alone)
        except MdevviewError as error:
            # Later, because the signal is not connected yet while the window is constructed.
            QTimer.singleShot(0, partial(self._on_open_failed, error))
            return
        pending.opened.connect(lambda session: self._show_chosen(session, chosen))
        pending.status_changed.connect(self._on_opening_status)
        pending.failed.connect(self._on_open_failed)
        self._tell_page()

    def _show_chosen(self, session: Session, chosen: Vgpu | Target) -> None:
        self._stop_opening()
        if self._session is not None and is_shown(chosen, self._session, self.picture.frame.status.state):
            # What was waited for has been opened meanwhile, and is the same.
            session.close()
            return
        if self._is_empty and self._checks_resolution:
            try:
                check_resolution(session, self._options.resolution, follow=self._options.follow)
            except MdevviewError as error:
                self._on_open_failed(error)
                return
        # The user's resolution was for another device, unless this is the first one.
        if not self._is_empty:
            self.window.resolution.clear_request()
        self._show_session(session, target_of(chosen))

    def _on_opening_status(self, status: Status) -> None:
        if self._is_empty:
            self._waiting.set(status)
        elif status.reason is Reason.ASKING_PERMISSION:
            pending = self._openings.chosen
            self.picture.notice(status.detail, lambda: pending is not None and pending.status is status)

    def _on_open_failed(self, error: MdevviewError) -> None:
        self._stop_opening()
        target = target_of(self._wanted)
        if self._is_empty and self._waits and can_wait(target, error):
            self._wait(target, soon=False)
        elif self._is_empty and self._error_ends:
            self.failed.emit(error)
        elif self._is_empty:
            self._show_error(error)
        elif self.window.isVisible():
            self._warn(error)

    def _show_error(self, error: MdevviewError) -> None:
        """Show why nothing could be opened, with what the user can do."""
        self._error = error
        self.monitor.set_none("no screen is open")
        self._show_status(Status(Reason.NOT_OPENED, error.message), self.window.label)
        self._tell_page()
        if isinstance(error, AmbiguousTarget):
            # Later: the dialog runs an event loop of its own.
            QTimer.singleShot(0, self._choose)

    def _tell_page(self) -> None:
        target = target_of(self._wanted)
        opening, waiting = self._openings.chosen is not None, self._openings.awaited is not None
        self.window.area.set_attempt(
            Attempt(self._error, opening, waiting, can_wait(target, self._error), vm_named(target))
        )

    def _do(self, action: PageAction) -> None:
        match action:
            case PageAction.RETRY:
                self._retry()
            case PageAction.WAIT:
                self._wait_for_vm()
            case _:
                self.window.trigger(action.key)

    def _retry(self) -> None:
        """Open the device again; nothing while that is done already, as two openings would be in each other's way."""
        if self._openings.chosen is not None:
            return
        if self._openings.awaited is not None:
            self._openings.stop_waiting()
            self._wait(self._target, soon=True)
            return
        self._drop_session()
        self._open(self._wanted)

    def _wait_for_vm(self) -> None:
        """As with --wait from now on."""
        if self._openings.chosen is not None or self._openings.awaited is not None:
            return
        self._waits = True
        self._drop_session()
        self._wait(target_of(self._wanted), soon=True)

    def _drop_session(self) -> None:
        """Close the session: a device that is open here could not be opened again, by nobody."""
        self.window.resolution.set_none()
        self.monitor.set_none("no screen is open")
        self._is_empty, self._error_ends = True, False
        self._show_status(Status(Reason.NOT_STARTED), self.window.label)

    def _stop_opening(self) -> None:
        self._openings.stop_opening()
        self._tell_page()

    def _warn(self, error: MdevviewError) -> None:
        warn(self.window, error)
