"""Windows whose buttons are pressed at random while devices come, go, hang and refuse: ``python -m ... SEED COUNT``.

At rest a window has one device open, the one that it shows, and no thread, fd or widget more than before. From wherever
it is, it opens a device again after one press. COUNT is for each of the windows.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from PyQt6 import sip
from PyQt6.QtCore import QEvent
from PyQt6.QtWidgets import QWidget

from app.errors import AmbiguousTarget, DeviceBusy, MdevviewError, NoSuchDevice, OpenFailed, ProcessGone
from app.host.vgpu import Vgpu
from app.open.background import BackgroundOpener
from app.open.opening import vfio_session
from app.open.session import Session
from app.open.target import Named, Target
from app.planes.status import Reason, Status
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.scripted import ScriptedDevice
from ui.window import openings, viewer
from ui.window.main_window import MainWindow
from ui.window.page.page_content import PageAction
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

NAMES = ("a", "b")
REFUSALS: tuple[Callable[[], MdevviewError], ...] = (
    lambda: DeviceBusy("it is in use", "try again"),
    lambda: NoSuchDevice("there is none", "start the VM"),
    lambda: ProcessGone("the VM does not run", "start it"),
    lambda: OpenFailed("<b>it broke</b>\x1b[31m\u202e", "x" * 100_000),
    lambda: AmbiguousTarget("there are many", "choose one", ()),
)
HANGS = "hangs"
OPENS = "opens"

dice = random.Random(int(sys.argv[1]))
# What happens to the next opening of a device; and the devices that were opened, with what ends each.
fates: dict[str, Any] = dict.fromkeys(NAMES, OPENS)
opened: list[tuple[str, ScriptedDevice, list[Status]]] = []
started: list[BackgroundOpener] = []
failed: list[object] = []
# Not empty while "Retry" is pressed.
retrying: list[bool] = []


def open_now() -> int:
    return sum(not device.closed for _, device, _ in opened)


class Opener:
    """Opens a device of this test, as its fate is now. One that waits answers with a status in place of an error."""

    def __init__(self, owner: BackgroundOpener, what: Vgpu | Target, waits: bool) -> None:
        self._owner = owner
        assert isinstance(what, Vgpu | Named)
        self._name = what.name if isinstance(what, Vgpu) else what.text
        self._waits = waits

    def poll(self) -> Session | Status:
        name = self._name
        while fates[name] == HANGS and not self._owner._thread.stopped.is_set():
            time.sleep(0.001)
        fate = fates[name]
        if callable(fate):
            error = fate()
            if self._waits:
                return Status(Reason.VM_NOT_RUNNING, error.message)
            raise error
        device, ends = ScriptedDevice(), list[Status]()
        opened.append((name, device, ends))
        ended = lambda: next(iter(ends), None)  # noqa: E731
        return vfio_session(OpenedDevice(name, name, device, Vgpu(name), FetchRule.FREELY, ended))

    def close(self) -> None:
        pass


def begins(waits: bool, trouble: float) -> Callable[..., BackgroundOpener]:
    def begin(what: Vgpu | Target, **_options: object) -> BackgroundOpener:
        if dice.random() < trouble:
            raise OpenFailed("no thread can be started", "close other windows")
        # Only what the user chose from the list is opened beside another device, which is shown until then.
        assert not (waits or retrying) or not shows_session(), "a second open of one device"
        started.append(BackgroundOpener(lambda owner, _fd: Opener(owner, what, waits)))
        return started[-1]

    return begin


def play(chooser: Callable[[QWidget], Vgpu | None], trouble: float) -> None:
    setattr(viewer, "choose_device", chooser)  # noqa: B010
    setattr(openings, "open_in_background", begins(False, trouble))  # noqa: B010
    setattr(openings, "wait_in_background", begins(True, trouble))  # noqa: B010


def retry(shown: Viewer) -> None:
    retrying.append(True)
    shown._do(PageAction.RETRY)
    retrying.clear()


def shows_session() -> bool:
    return bool(windows) and windows[-1]._session is not None


def choose(_window: QWidget) -> Vgpu | None:
    return dice.choice((None, Vgpu("a"), Vgpu("b")))


def step(shown: Viewer) -> None:
    """Something that a user or a host does."""
    match dice.randrange(12):
        case 0 | 1 | 2:
            retry(shown)
        case 3 | 4:
            shown._do(PageAction.WAIT)
        case 5 | 6:
            shown._do(PageAction.CHOOSE)
        case 7:
            fates[dice.choice(NAMES)] = HANGS
        case 8:
            fates[dice.choice(NAMES)] = dice.choice(REFUSALS)
        case 9:
            fates[dice.choice(NAMES)] = OPENS
        case 10:
            for _name, device, ends in opened:
                if not device.closed:
                    ends.append(Status(dice.choice((Reason.VM_ENDED, Reason.DEVICE_REMOVED))))
        case 11:
            shown._loop.latest()
    if dice.random() < 0.4:
        application.processEvents()
    if dice.random() < 0.1:
        time.sleep(0.002)


def until(shown: Viewer, done: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, (
            shown._openings.chosen,
            shown._openings.awaited,
            shown._session,
            shown._error,
            fates,
        )
        application.processEvents()
        time.sleep(0.001)


def rest(shown: Viewer) -> None:
    """All devices can be opened: the window opens one by itself, or after one press of a button that it offers."""
    fates.update(dict.fromkeys(NAMES, OPENS))
    play(lambda _window: Vgpu("a"), 0)
    until(shown, lambda: shown._openings.chosen is None)
    shown._loop.latest()
    application.processEvents()
    if shown._session is None and shown._openings.awaited is None:
        actions = shown.window.area.page_actions
        assert PageAction.CHOOSE in actions, actions
        shown._do(PageAction.RETRY if PageAction.RETRY in actions else PageAction.CHOOSE)
    until(shown, lambda: is_at_rest(shown))
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    play(choose, 0.05)


def is_at_rest(shown: Viewer) -> bool:
    """All at the same moment: a device whose end was not noticed yet lets the window open another one."""
    openings = shown._openings
    return (
        (shown._session is not None and openings.chosen is None and openings.awaited is None)
        and open_now() == 1
        and threading.active_count() == 1
    )


def held(shown: Viewer) -> tuple[int, ...]:
    children = (len(shown.children()), len(shown.window.findChildren(QWidget)))
    return (threading.active_count(), len(os.listdir("/proc/self/fd")), *children)


def fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Qt goes on after an exception in a slot."""
    failed.append(error)
    sys.__excepthook__(kind, error, trace)


application = new_application()
# The window is not shown, as nothing can be drawn here.
setattr(MainWindow, "isVisible", lambda _window: True)  # noqa: B010
setattr(Viewer, "_warn", lambda _viewer, error: None)  # noqa: B010
sys.excepthook = fail
windows: list[Viewer] = []
play(choose, 0)
for _ in range(3):
    fates.update(dict.fromkeys(NAMES, OPENS))
    shown = Viewer(Named("a"), None, WindowOptions(ViewOptions(), page=True), 16_000_000, Vgpu("a"))
    windows.append(shown)
    shown.failed.connect(failed.append)
    rest(shown)
    before = held(shown)
    for number in range(int(sys.argv[2])):
        step(shown)
        assert not failed, failed
        if number % 50 == 49:
            rest(shown)
            assert held(shown) == before, (held(shown), before)
    shown.shut_down()
    sip.delete(shown.window)
    assert all(each.join(20) for each in started)
    assert open_now() == 0 and not failed, failed
