"""The menu of the other screens of a VM, in a window that shows one of them."""

from dataclasses import replace

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu

from app.open.background import BackgroundOpener
from app.open.session import ConsoleChoice, Session
from app.open.target import Target, parse_target
from tests.pushed.session import pushed_session
from tests.pushed.source import PushedSource
from tests.unit.ui.window.events import until
from ui.window import openings
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application
from ui.window.viewer import Viewer
from ui.window.window_options import WindowOptions

FIRST, SECOND = "vm:web,console=0", "vm:web,console=1"
texts = {FIRST: "virtio-vga & <b>, head 0", SECOND: "bochs-display, head 0"}
opened: list[Target] = []
threads: list[BackgroundOpener] = []
sources: list[PushedSource] = []


def session(shown: str) -> Session:
    sources.append(PushedSource())
    consoles = lambda: tuple(ConsoleChoice(text, each, each == shown) for each, text in texts.items())  # noqa: E731
    return replace(pushed_session(sources[-1]), target=shown, label=shown, consoles=consoles)


class Opener:
    def __init__(self, target: Target) -> None:
        self._target = target

    def poll(self) -> Session:
        return session(next(each for each in texts if parse_target(each) == self._target))

    def close(self) -> None:
        pass


def begin(target: Target, **_options: object) -> BackgroundOpener:
    opened.append(target)
    threads.append(BackgroundOpener(lambda *_: Opener(target)))
    return threads[-1]


def menu() -> QMenu:
    (found,) = (
        each
        for each in viewer.window.findChildren(QMenu)
        if any(action.text() == "Screens &of this VM" for action in each.actions())
    )
    return found


def row() -> QAction:
    return next(each for each in menu().actions() if each.text() == "Screens &of this VM")


def rows() -> list[tuple[str, bool]]:
    menu().aboutToShow.emit()
    screens = row().menu()
    assert screens is not None
    return [(each.text(), each.isChecked()) for each in screens.actions()]


def trigger(at: int) -> None:
    screens = row().menu()
    assert screens is not None
    screens.actions()[at].trigger()


application = new_application()
setattr(openings, "open_in_background", begin)  # noqa: B010
viewer = Viewer(parse_target("vm:web"), session(FIRST), WindowOptions(ViewOptions()), 16_000_000)
assert rows() == [("virtio-vga && <b>, head 0", True), ("bochs-display, head 0", False)], rows()
assert row().isVisible()
# What is shown is not opened again.
trigger(0)
assert not opened and rows()[0][1]
trigger(1)
until(lambda: viewer.window.label == SECOND)
assert opened == [parse_target(SECOND)] and [on for _, on in rows()] == [False, True]
# A head is unplugged, then plugged in again while the window is open.
taken = texts.pop(FIRST)
rows()
assert not row().isVisible(), "there is nothing to choose"
texts[FIRST] = taken
assert len(rows()) == 2 and row().isVisible()
viewer.shut_down()
assert not row().isVisible(), "the session is closed"
for each in threads:
    assert each.join(20)
assert all(each.fileno() == -1 for each in sources)
