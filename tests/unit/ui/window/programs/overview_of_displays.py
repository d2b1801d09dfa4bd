"""The overview of a host whose VMs have D-Bus displays: ``python -m ... FOLDER``."""

import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError, OpenFailed
from app.host.hotplug import Hotplug
from app.host.vm import Vm
from app.open import screen_list
from app.open.background import BackgroundOpener
from app.open.opening import OpenOptions
from app.open.screen_list import ScreenList
from app.open.session import ConsoleChoice, Session
from app.open.target import Target, parse_target
from tests.pushed.session import pushed_session
from tests.pushed.source import PushedSource
from tests.unit.hosts import Host, qemu
from tests.unit.ui.window.events import until
from ui.window import viewer as viewer_module
from ui.window.main_window import MainWindow
from ui.window.overview import overview_source, overview_window
from ui.window.overview.overview import Windows
from ui.window.overview.overview_source import Click, OverviewSource
from ui.window.overview.overview_window import OverviewWindow
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.window_options import WindowOptions

TARGETS = ("vm:web,console=0", "vm:web,console=1", "vm:mail,console=0", "sim:gvt")
WEB, WEB_2, MAIL, _ = map(parse_target, TARGETS)
HEADS = {"vm:web,console=0": "head 0", "vm:web,console=1": "head 1"}


def no_events() -> Hotplug:
    raise MdevviewError("no hot-plug events")


class Opener:
    def __init__(self, target: Target) -> None:
        self._target = target

    def poll(self) -> Session:
        if refused:
            raise refused.pop()
        sources[self._target] = PushedSource()
        sources[self._target].push()
        text = next(each for each in TARGETS if parse_target(each) == self._target)
        session = replace(pushed_session(sources[self._target]), target=text, vm=Vm(4711, "qemu", "a VM", ()))
        if self._target == MAIL:
            return session
        shown = WEB if self._target == WEB else WEB_2
        choices = tuple(ConsoleChoice(text, each, parse_target(each) == shown) for each, text in HEADS.items())
        return replace(session, consoles=lambda: choices)

    def close(self) -> None:
        pass


def begin(target: Target, options: OpenOptions) -> BackgroundOpener:
    assert options.helper is HelperMethod.NEVER
    started[target] += 1
    threads.append(BackgroundOpener(lambda *_: Opener(target)))
    return threads[-1]


def words() -> list[tuple[str, str]]:
    return [(each.text(), each._words.heading if each._words else "") for each in window.tiles]


application = new_application()
host = Host(Path(sys.argv[1]))
opened: list[OverviewSource] = []
started: Counter[Target] = Counter()
sources: dict[Target, PushedSource] = {}
threads: list[BackgroundOpener] = []
refused: list[MdevviewError] = []
setattr(screen_list, "_LOOK_S", 0.02)  # noqa: B010
setattr(overview_source, "open_in_background", begin)  # noqa: B010
setattr(overview_window, "ScreenList", partial(ScreenList, host.paths, no_events))  # noqa: B010
web = host.process(50, "qemu-system-x86", qemu("web", "-display", "dbus,p2p=yes"), uid=os.getuid())
mail = host.process(60, "qemu-system-x86", qemu("mail", "-display", "dbus,addr=unix:path=/run/bus"), uid=os.getuid())

window = OverviewWindow([], HelperMethod.NEVER, opened.append)
# A VM on a bus is shown at once. A thumbnail does not take keyboard and pointer away from a viewer of the other one.
until(lambda: words() == [("web", "Click to show"), ("mail", "")], words)
assert window.tiles[1].accessibleName().startswith("mail, D-Bus display, Showing")
assert "qemu-system-x86 50" in window.tiles[0].toolTip() and "peer to peer" in window.tiles[0].toolTip()
assert started == {MAIL: 1}
first = window.tiles[0]
refused.append(OpenFailed("its monitor is busy", "try again"))
first.click()
until(lambda: words()[0][1] == "Cannot open this", words)
assert first.source.click is Click.SHOW
first.click()
# Its further screen gets a tile of its own.
until(lambda: words() == [("web", ""), ("web — head 1", ""), ("mail", "")], words)
assert window.tiles[0] is first
assert started == {WEB: 2, WEB_2: 1, MAIL: 1}
assert not opened
for each in window.tiles:
    each.click()
assert [each.target for each in opened] == [WEB, WEB_2, MAIL]
# Its window and the tile share a source; so does the window of the other screen, which is chosen in the first one.
setattr(MainWindow, "show", lambda _window: None)  # noqa: B010  (here is no OpenGL)
windows = Windows(WindowOptions(ViewOptions()), 16_000_000)
windows.sources = lambda: window.sources
windows.open(opened[0])
(viewer,) = windows._viewers
viewer.window.screens.chosen.emit("vm:web,console=1")
assert [each.target for each in windows._viewers.values()] == [WEB, WEB_2]
assert viewer.picture.frame.primary is not None
setattr(viewer_module, "choose_device", lambda _window: MAIL)  # noqa: B010
viewer._choose()
assert len(windows._viewers) == 3 and started == {WEB: 2, WEB_2: 1, MAIL: 1}
setattr(viewer_module, "choose_device", lambda _window: WEB)  # noqa: B010
viewer._choose()
assert len(windows._viewers) == 3, "it is shown in this window"
windows.shut_down()
assert opened[0].loop is not None, "the tile goes on without the window"
# A VM ends: its words stay until it is not listed any more.
sources[MAIL].end()
until(lambda: words()[2][1] not in ("", "Opening"), words)
shutil.rmtree(mail)
until(lambda: words() == [("web", ""), ("web — head 1", "")], words)
sources[WEB].end()
until(lambda: len(words()) == 1 and words()[0][1] not in ("", "Opening"), words)
shutil.rmtree(web)
until(lambda: [each[0] for each in words()] == ["sim:gvt"], words)
assert "no VM with a D-Bus display" in window._line.text()
assert started[WEB] == 2 and started[MAIL] == 1
window.shut_down()
for thread in threads:
    assert thread.join(20)
assert all(each.fileno() == -1 for each in sources.values())
