"""An error at opening is a page from which the user goes on."""

import threading
from dataclasses import replace

from app.edid.mode import Mode
from app.errors import AmbiguousTarget, DeviceBusy, MdevviewError, ResolutionRefused
from app.host.vgpu import Vgpu
from app.open.background import BackgroundOpener
from app.open.opening import vfio_session
from app.open.session import Session
from app.open.target import Default, Named, Target
from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.scripted import ScriptedDevice
from tests.unit.ui.window.events import until
from ui.window import openings, viewer
from ui.window.page.page_content import Attempt, PageAction
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

A, B = Vgpu("a"), Vgpu("b")
BUSY = DeviceBusy("a is in use by process 4711", "close it")


class Opener:
    """Waits until the test lets it go on. Then opens the vGPU, or raises its error. ``source`` is what is shown."""

    def __init__(self, what: Vgpu | MdevviewError) -> None:
        self.go_on = threading.Event()
        self.source = StatusSource(Status(Reason.PLANE_OFF))
        self._what = what

    def poll(self) -> Session:
        self.go_on.wait(20)
        if isinstance(self._what, MdevviewError):
            raise self._what
        name = self._what.name
        session = vfio_session(OpenedDevice(name, name, ScriptedDevice(), self._what, FetchRule.FREELY, lambda: None))
        session.source.close()
        return replace(session, source=self.source)

    def close(self) -> None:
        pass


class Openings:
    """What is opened or waited for, in the order of the calls."""

    def __init__(self, *openers: Opener) -> None:
        self.left = list(openers)
        self.asked: list[Target | Vgpu] = []
        self.alone: list[bool] = []
        self.threads: list[BackgroundOpener] = []

    def __call__(self, target: Target | Vgpu, *, options: object, soon: bool = False) -> BackgroundOpener:
        self.asked.append(target)
        self.alone.append(options.alone)  # type: ignore[attr-defined]
        opener = self.left.pop(0)
        self.threads.append(BackgroundOpener(lambda *_: opener))
        return self.threads[-1]


application = new_application()


class Shown:
    """A window that opens ``target``, as from a menu. ``openers`` are used in turn; what is waited for never comes."""

    def __init__(self, target: Target, *openers: Opener, options: WindowOptions, choices: tuple[Vgpu | None, ...] = ()):
        self.opening, self.waiting = Openings(*openers), Openings(Opener(A))
        self.choices = list(choices)
        setattr(openings, "open_in_background", self.opening)  # noqa: B010
        setattr(openings, "wait_in_background", self.waiting)  # noqa: B010
        setattr(viewer, "choose_device", lambda _window: self.choices.pop(0))  # noqa: B010
        self.viewer = Viewer(target, None, options, 16_000_000, target)
        self.failed: list[object] = []
        self.viewer.failed.connect(self.failed.append)
        self._openers = openers
        assert PageAction.RETRY not in self.actions and "retry" not in self.enabled

    @property
    def actions(self) -> tuple[PageAction, ...]:
        return self.viewer.window.area.page_actions

    @property
    def enabled(self) -> set[str]:
        return {each.key for each in PageAction if self.viewer.window._actions[each.key].isEnabled()}

    @property
    def attempt(self) -> Attempt:
        return self.viewer.window.area._attempt

    @property
    def reason(self) -> Reason:
        return self.viewer.picture.frame.status.reason

    def press(self, action: PageAction) -> None:
        self.viewer.window.area.wanted.emit(action)

    def fail(self, opener: Opener) -> None:
        """Let it fail. The window stays, and says why."""
        opener.go_on.set()
        until(lambda: self.reason is Reason.NOT_OPENED)

    def open(self, opener: Opener) -> None:
        opener.go_on.set()
        until(lambda: self.viewer._session)

    def close(self) -> None:
        for opener in (*self._openers, *self.waiting.left):
            opener.go_on.set()
        self.viewer.window.close()
        self.viewer.shut_down()
        assert all(each.join(20) for each in (*self.opening.threads,))
        assert not self.failed, self.failed


FROM_MENU = WindowOptions(ViewOptions(), page=True)


def retried_twice_at_once() -> Shown:
    """As by a double click: a second opening would find the device in use by the first."""
    first, second = Opener(BUSY), Opener(A)
    shown = Shown(Named("a"), first, second, options=FROM_MENU)
    shown.fail(first)
    assert shown.attempt == Attempt(BUSY, may_wait=True)
    assert shown.actions[:3] == (PageAction.RETRY, PageAction.CHOOSE, PageAction.WAIT)
    assert {"retry", "wait"} <= shown.enabled
    for action in (PageAction.RETRY, PageAction.RETRY, PageAction.WAIT):
        shown.press(action)
    assert shown.opening.asked == [Named("a")] * 2 and not shown.waiting.asked
    assert shown.reason is Reason.NOT_STARTED
    shown.open(second)
    assert shown.attempt == Attempt(may_wait=True)
    return shown


def waited_for() -> Shown:
    first = Opener(BUSY)
    shown = Shown(Named("a"), first, options=FROM_MENU)
    shown.fail(first)
    shown.press(PageAction.WAIT)
    shown.press(PageAction.WAIT)
    assert shown.waiting.asked == [Named("a")]
    assert PageAction.WAIT not in shown.actions and "wait" not in shown.enabled
    return shown


def waited_for_from_the_start() -> Shown:
    """No free vGPU is taken from its VM."""
    first = Opener(BUSY)
    shown = Shown(Named("a"), first, options=replace(FROM_MENU, wait=True))
    assert shown.opening.alone == [False]
    first.go_on.set()
    until(lambda: shown.waiting.asked == [Named("a")])
    assert shown.attempt.waiting
    return shown


def chosen_after_a_cancelled_dialog() -> Shown:
    first, second = Opener(AmbiguousTarget("2 vGPUs", "", ("a", "b"))), Opener(B)
    shown = Shown(Default(), first, second, options=FROM_MENU, choices=(None, B))
    shown.fail(first)
    until(lambda: len(shown.choices) == 1)
    assert shown.reason is Reason.NOT_OPENED and PageAction.CHOOSE in shown.actions
    shown.press(PageAction.CHOOSE)
    assert shown.opening.asked == [Default(), B]
    shown.open(second)
    return shown


def another_one_without_the_resolution_of_the_first() -> Shown:
    first, second = Opener(A), Opener(B)
    options = replace(FROM_MENU, resolution=Mode(640, 480))
    shown = Shown(Named("a"), first, second, options=options, choices=(B,))
    shown.fail(first)
    # The device is closed, so that it can be opened again.
    assert isinstance(shown.attempt.error, ResolutionRefused) and shown.viewer._session is None
    assert PageAction.RETRY in shown.actions
    shown.press(PageAction.CHOOSE)
    assert shown.viewer.window.label == "b"
    shown.open(second)
    return shown


def gone_and_retried() -> Shown:
    first, second = Opener(A), Opener(BUSY)
    shown = Shown(Named("a"), first, second, options=FROM_MENU)
    shown.open(first)
    first.source.set(Status(Reason.VM_ENDED))
    until(lambda: PageAction.WAIT in shown.actions)
    assert PageAction.RETRY in shown.actions
    shown.press(PageAction.RETRY)
    assert shown.viewer._session is None and shown.opening.asked[-1] == Named("a")
    # It fails after something was shown: the window stays all the same.
    shown.fail(second)
    shown.press(PageAction.WAIT)
    assert shown.waiting.asked == [Named("a")]
    return shown


for case in (
    retried_twice_at_once,
    waited_for,
    waited_for_from_the_start,
    chosen_after_a_cancelled_dialog,
    another_one_without_the_resolution_of_the_first,
    gone_and_retried,
):
    case().close()
