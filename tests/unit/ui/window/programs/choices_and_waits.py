"""A device is chosen while another is waited for: ``python -m ... later|same|refused|named``."""

import sys
import threading
from collections.abc import Callable

from app.errors import DeviceBusy, MdevviewError, OpenFailed
from app.host.vgpu import Vgpu
from app.open.background import BackgroundOpener
from app.open.opening import vfio_session
from app.open.session import Session
from app.open.target import Default, Named, Target
from app.planes.status import Reason
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.scripted import ScriptedDevice
from tests.unit.ui.window.events import until
from ui.window import openings, viewer
from ui.window.main_window import MainWindow
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

A, B = Vgpu("a"), Vgpu("b")


class Opener:
    """Waits until the test lets it go on, then opens the vGPU, or fails where there is none."""

    def __init__(self, vgpu: Vgpu | None) -> None:
        self.go_on = threading.Event()
        self.device = ScriptedDevice()
        self._vgpu = vgpu

    def poll(self) -> Session:
        self.go_on.wait(20)
        if self._vgpu is None:
            raise DeviceBusy("it is in use", "try again")
        name = self._vgpu.name
        return vfio_session(OpenedDevice(name, name, self.device, self._vgpu, FetchRule.FREELY, lambda: None))

    def close(self) -> None:
        pass


started: list[BackgroundOpener] = []
warned: list[MdevviewError] = []


def opens(opener: Opener) -> Callable[..., BackgroundOpener]:
    def begin(*_arguments: object, **_options: object) -> BackgroundOpener:
        started.append(BackgroundOpener(lambda *_: opener))
        return started[-1]

    return begin


def refuses(*_arguments: object, **_options: object) -> BackgroundOpener:
    raise OpenFailed("nothing can be opened in the background: no fd", "close other windows")


def make(target: Target, chosen: Vgpu | None = None) -> Viewer:
    made = Viewer(target, None, WindowOptions(ViewOptions(), wait=True), 16_000_000, chosen)
    made.failed.connect(failed.append)
    return made


application = new_application()
failed: list[object] = []
setattr(Viewer, "_warn", lambda _viewer, error: warned.append(error))  # noqa: B010
# The window is not shown, as nothing can be drawn here.
setattr(MainWindow, "isVisible", lambda _window: True)  # noqa: B010
setattr(viewer, "choose_device", lambda _window: A if sys.argv[1] == "same" else B)  # noqa: B010
waiting, chosen = Opener(A), Opener(None if sys.argv[1] == "refused" else A if sys.argv[1] == "same" else B)
setattr(openings, "wait_in_background", refuses if sys.argv[1] == "refused" else opens(waiting))  # noqa: B010
setattr(openings, "open_in_background", opens(chosen))  # noqa: B010

match sys.argv[1]:
    case "later":
        # The user's choice is shown, although what was waited for was opened first.
        shown = make(Named("a"))
        shown._choose()
        waiting.go_on.set()
        # Its label is that of the target from the start.
        until(lambda: shown._session)
        chosen.go_on.set()
        until(lambda: shown.window.label == "b")
        # It is closed outside the window's thread.
        until(lambda: waiting.device.closed)
        assert not chosen.device.closed
    case "same":
        # The device is open already: for mbochs the second one would be refused its buffers.
        shown = make(Named("a"))
        shown._choose()
        waiting.go_on.set()
        # Its label is that of the target from the start.
        until(lambda: shown._session)
        chosen.go_on.set()
        until(lambda: chosen.device.closed)
        assert not waiting.device.closed
    case "refused":
        # A choice that fails ends no window that waits in vain.
        shown = make(Named("a"))
        assert shown._loop.latest().status.reason is Reason.OPEN_FAILED
        shown._choose()
        chosen.go_on.set()
        until(lambda: warned)
    case _:
        # The first device was chosen before there was a window.
        shown = make(Default(), B)
        assert shown.window.label == "b"
        chosen.go_on.set()
        until(lambda: shown._session)
shown.shut_down()
for each in started:
    assert each.join(20)
assert not failed, failed
assert waiting.device.closed or sys.argv[1] in ("refused", "named")
assert chosen.device.closed or sys.argv[1] == "refused"
