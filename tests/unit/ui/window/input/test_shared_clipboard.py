"""When a window passes on what was copied, here and in the guest."""

from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import QDeadlineTimer, QEventLoop, QMimeData, QTimer
from PyQt6.QtGui import QAction, QGuiApplication
from PyQt6.QtWidgets import QApplication, QMainWindow

from ui.window.input.shared_clipboard import SharedClipboard
from ui.window.qt_application import new_application

_PAUSE_MS = 300
_PATIENCE_MS = 20_000


def wait(ready: Callable[[], bool] = lambda: False, limit_ms: int = _PAUSE_MS) -> bool:
    """Let Qt work until it is so, or for this time."""
    loop, limit = QEventLoop(), QDeadlineTimer(limit_ms)
    while not ready() and not limit.hasExpired():
        QTimer.singleShot(5, loop.quit)
        loop.exec()
    return ready()


@pytest.fixture(scope="module")
def application() -> Iterator[QApplication]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", "offscreen")
        yield new_application()


class Guest:
    """A :class:`app.open.session.Clipboard`. ``offers`` are the texts that it could get, ``asked`` is who waits."""

    def __init__(self) -> None:
        self.why_not = ""
        self.offers: list[str] = []
        self.changed: Callable[[], None] | None = None
        self.asked: list[Callable[[str | None, str], None]] = []

    def share(self, changed: Callable[[], None] | None) -> None:
        self.changed = changed

    def offer(self, text: str) -> str:
        self.offers.append(text)
        return "the text is too large for the guest" if len(text) > 100 else ""

    def fetch(self, done: Callable[[str | None, str], None]) -> None:
        self.asked.append(done)

    @property
    def shares(self) -> bool:
        return self.changed is not None

    def copies(self) -> None:
        assert self.changed is not None
        self.changed()

    def answers(self, text: str | None, why_not: str = "") -> None:
        self.asked.pop(0)(text, why_not)


class Bench:
    def __init__(self) -> None:
        self.window, self.other = QMainWindow(), QMainWindow()
        bar = self.window.menuBar()
        assert bar is not None
        menu = bar.addMenu("Input")
        assert menu is not None
        self.menu = menu
        self.action = QAction("Share clipboard", self.window)
        self.action.setCheckable(True)
        self.menu.addAction(self.action)
        self.clipboard = SharedClipboard(self.window)
        self.action.toggled.connect(self.clipboard.switch)
        self.clipboard.set_action(self.action)
        self.said: list[str] = []
        self.clipboard.notice.connect(self.said.append)
        self.guest = Guest()
        self.clipboard.set_clipboard(self.guest)
        for each in (self.other, self.window):
            each.show()
        self.use(self.window)

    def use(self, window: QMainWindow) -> None:
        window.activateWindow()
        assert wait(window.isActiveWindow, _PATIENCE_MS)

    def copy(self, text: str, *, secret: bool = False) -> None:
        """Another program copies something."""
        contents = QMimeData()
        contents.setText(text)
        if secret:
            contents.setData("x-kde-passwordManagerHint", b"secret")
        desktop = QGuiApplication.clipboard()
        assert desktop is not None
        desktop.setMimeData(contents)

    def pasted(self) -> str:
        desktop = QGuiApplication.clipboard()
        assert desktop is not None
        return desktop.text()


@pytest.fixture
def bench(application: QApplication) -> Iterator[Bench]:
    made = Bench()
    made.copy("before")
    yield made
    made.clipboard.shut_down()
    for each in (made.window, made.other):
        each.close()


def test_nothing_is_shared_before_the_user_wants_it_and_after(bench: Bench) -> None:
    assert not bench.action.isChecked()
    bench.copy("secret")
    assert bench.guest.offers == []
    assert not bench.guest.shares
    bench.action.setChecked(True)
    assert bench.guest.offers == ["secret"]
    late = bench.guest.changed
    assert late is not None
    bench.action.setChecked(False)
    assert not bench.guest.shares
    bench.copy("other")
    late()
    assert (bench.guest.offers, bench.guest.asked) == (["secret"], [])


def test_a_text_of_the_guest_does_not_come_back_to_it(bench: Bench) -> None:
    bench.action.setChecked(True)
    bench.guest.copies()
    bench.guest.answers("from the guest")
    assert bench.pasted() == "from the guest"
    # A clipboard manager copies it once more.
    bench.copy("from the guest")
    assert bench.guest.offers == ["before"]
    bench.copy("from here")
    bench.copy("from the guest")
    assert bench.guest.offers == ["before", "from here", "from the guest"]


def test_a_window_that_is_not_in_use_passes_nothing_on_until_it_is(bench: Bench) -> None:
    bench.action.setChecked(True)
    bench.use(bench.other)
    bench.copy("elsewhere")
    bench.guest.copies()
    assert (bench.guest.offers, bench.guest.asked) == (["before"], [])
    # The desktop's text is newer than what the window knows, so it counts.
    bench.use(bench.window)
    assert (bench.guest.offers, bench.guest.asked) == (["before", "elsewhere"], [])
    bench.use(bench.other)
    bench.guest.copies()
    bench.use(bench.window)
    bench.guest.answers("late")
    assert bench.pasted() == "late"
    assert bench.guest.offers == ["before", "elsewhere"]


def test_a_guest_that_copies_all_the_time_is_asked_a_few_times_a_second(bench: Bench) -> None:
    bench.action.setChecked(True)
    for number in range(50):
        bench.guest.copies()
        if bench.guest.asked:
            bench.guest.answers(f"text {number}")
    assert bench.pasted() == "text 0"
    assert bench.guest.asked == []
    assert wait(lambda: len(bench.guest.asked) == 1, _PATIENCE_MS)
    # It does not answer: it is not asked again.
    bench.guest.copies()
    wait()
    assert len(bench.guest.asked) == 1


def test_passwords_and_pictures_are_not_offered(bench: Bench) -> None:
    bench.action.setChecked(True)
    bench.copy("hunter2", secret=True)
    assert bench.guest.offers == ["before", ""]


def test_a_text_that_cannot_be_passed_on_is_told(bench: Bench) -> None:
    bench.action.setChecked(True)
    bench.copy("x" * 101)
    assert bench.said == ["The text is too large for the guest."]
    bench.guest.copies()
    bench.guest.answers(None, "the guest's text is too large")
    assert bench.said[1:] == ["The guest's text is too large."]
    assert bench.pasted() == "x" * 101


def test_another_session_shares_nothing_and_hears_nothing_of_the_one_before(bench: Bench) -> None:
    bench.action.setChecked(True)
    bench.guest.copies()
    before = bench.guest
    bench.guest = Guest()
    bench.clipboard.set_clipboard(bench.guest)
    assert not bench.action.isChecked()
    assert (before.changed, bench.guest.changed, bench.guest.offers) == (None, None, [])
    before.answers("late")
    assert bench.pasted() == "before"


def test_the_row_says_why_it_is_off(bench: Bench) -> None:
    bench.clipboard.set_clipboard(None)
    assert not bench.action.isEnabled()
    assert bench.action.text() == "Share clipboard (no D-Bus display)"
    bench.clipboard.set_clipboard(bench.guest)
    assert (bench.action.isEnabled(), bench.action.text()) == (True, "Share clipboard")
    bench.guest.why_not = "another client took the controls over"
    bench.menu.aboutToShow.emit()
    assert not bench.action.isEnabled()


def test_an_end_of_the_sharing_is_told_and_the_row_is_off(bench: Bench) -> None:
    bench.action.setChecked(True)
    bench.guest.why_not = "another client took the controls over"
    bench.guest.copies()
    assert not bench.action.isChecked()
    assert bench.guest.changed is None
    assert bench.said == ["The clipboard is not shared: another client took the controls over"]
