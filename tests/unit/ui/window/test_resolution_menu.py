"""The guest's resolution as the window sets it: what is written, when, and what the menu says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from PyQt6.QtCore import QCoreApplication
from PyQt6.QtWidgets import QApplication, QInputDialog, QWidget

from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused
from app.sim.driver.device import SimulatedDevice
from app.sim.profile import open_simulated
from app.vfio.edid_resolution import EdidResolution
from tests.unit.sim_tools import query
from tests.unit.ui.window.events import until
from ui.window import resolution_menu
from ui.window.qt_application import new_application
from ui.window.resolution_menu import ResolutionMenu, Viewport

SPEC = "gvt,size=640x480,fps=0"


@pytest.fixture(scope="module")
def application() -> Iterator[QApplication]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", "offscreen")
        yield new_application()


@dataclass
class Bench:
    """A window's worth of room, a device, and the notices. ``switches`` counts how often the guest's link went down."""

    parent: QWidget
    room: tuple[int, int] = (800, 600)
    ratio: float = 1.0
    device: SimulatedDevice | None = None
    said: list[str] = field(default_factory=list)
    switches: int = 0

    def look(self) -> Viewport:
        shown = None
        if self.device is not None:
            plane = query(self.device)
            shown = (plane.width, plane.height) if plane.fourcc else None
        return Viewport(*self.room, self.ratio, shown)

    def open(self, spec: str) -> SimulatedDevice:
        device = open_simulated(spec)
        unplug = device.guest.unplug

        def counted() -> None:
            self.switches += 1
            unplug()

        device.guest.unplug = counted  # type: ignore[method-assign]
        self.device = device
        return device

    def edid(self) -> EdidRegion:
        assert self.device is not None
        region = find_edid_region(self.device)
        assert region is not None
        return read_edid(self.device, region)

    def shown(self) -> tuple[int, int] | None:
        return self.look().shown


def _set(menu: ResolutionMenu, device: SimulatedDevice | None) -> None:
    if device is None:
        menu.set_none()
    else:
        menu.set_control(EdidResolution(device))


@contextmanager
def bench(spec: str = SPEC) -> Iterator[tuple[Bench, ResolutionMenu]]:
    parent = QWidget()
    made = Bench(parent)
    controller = ResolutionMenu(parent, made.look)
    controller.notice.connect(made.said.append)
    device = made.open(spec)
    try:
        yield made, controller
    finally:
        controller.shut_down()
        device.close()
        parent.deleteLater()


def settled(controller: ResolutionMenu) -> None:
    """Until nothing is under way any more."""
    until(lambda: not controller._busy and not controller._resize_timer.isActive())


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, application: QApplication) -> None:
    monkeypatch.setattr(resolution_menu, "RESIZE_DELAY_MS", 30)


def test_a_mode_asked_for_before_there_is_a_device_is_set_when_there_is() -> None:
    with bench() as (made, controller):
        controller.ask(Mode(1280, 800, 75))
        assert made.switches == 0
        _set(controller, made.device)
        # Nobody waits: the guest is without a screen, and the caller goes on.
        assert made.edid().link_up is False
        settled(controller)
        assert (made.edid().link_up, made.shown()) == (True, (1280, 800))
        _set(controller, made.device)
        settled(controller)
        assert made.switches == 1, "it has that mode already"
        controller.ask(Mode(1280, 800, 60))
        settled(controller)
        assert made.switches == 2, "another refresh rate is another mode"
        assert made.said == []


def test_the_window_is_followed_once_it_has_settled() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        controller.follow(True)
        settled(controller)
        assert made.shown() == (800, 600)
        for width in range(810, 1010, 10):
            made.room = (width, 701)
            controller.resized()
            QCoreApplication.processEvents()
        settled(controller)
        assert (made.shown(), made.switches) == ((1000, 700), 2)
        # No need to tell the guest what it has: less than a cell more.
        made.room = (1003, 701)
        controller.resized()
        settled(controller)
        assert made.switches == 2
        controller.follow(False)
        made.room = (640, 480)
        controller.resized()
        settled(controller)
        assert made.switches == 2


def test_what_a_guest_decided_against_is_not_told_it_again() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        controller.follow(True)
        settled(controller)
        assert made.device is not None
        made.device.guest.plug((640, 480))
        controller.resized()
        settled(controller)
        assert (made.shown(), made.switches) == ((640, 480), 1)


def test_a_window_resized_during_a_write_comes_next_and_the_last_size_wins() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        controller.follow(True)
        assert controller._busy
        for width in (1024, 1152, 1280):
            made.room = (width, 768)
            controller._fit()
        settled(controller)
        assert (made.shown(), made.switches) == ((1280, 768), 2)


def test_on_a_screen_of_twice_the_density_the_guest_gets_all_pixels_and_the_density() -> None:
    with bench() as (made, controller):
        made.room, made.ratio = (1600, 1000), 2.0
        _set(controller, made.device)
        controller.follow(True)
        settled(controller)
        assert made.shown() == (1600, 1000)
        data = made.edid().blob[54:72]
        assert data[12] | data[14] >> 4 << 8 == round(1600 / 192 * 25.4)


def test_the_limits_of_the_device_hold() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        made.room = (3840, 2160)
        controller.follow(True)
        settled(controller)
        assert made.shown() == (1920, 1080)
        controller.ask(Mode(2560, 1440))
        settled(controller)
        assert made.shown() == (1920, 1080)
        assert made.said == [
            "cannot set 2560x1440@60: 2560x1440 is more than the device allows, which is 1920x1200; "
            "choose a smaller mode"
        ]


def test_a_device_that_goes_in_the_middle_has_its_screen_plugged_in() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        controller.ask(Mode(1024, 768))
        controller.set_none("the VM ended")
        assert made.edid().link_up is True
        assert "the VM ended" in controller.menu().actions()[0].text()
        _set(controller, made.device)
        controller.ask(Mode(800, 600))
        controller.shut_down()
        assert (made.edid().link_up, made.shown()) == (True, (800, 600))
        controller.shut_down()


def test_what_was_asked_of_one_device_is_not_asked_of_another() -> None:
    with bench() as (made, controller):
        controller.ask(Mode(1280, 800))
        controller.follow(True)
        controller.clear_request()
        _set(controller, made.device)
        settled(controller)
        assert (made.switches, controller.following) == (0, False)


def test_a_refused_write_is_one_line_and_the_old_screen() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        before = made.edid().blob
        assert made.device is not None
        write, left = made.device.write, 50

        def refused_once(data: bytes, offset: int) -> None:
            nonlocal left
            left -= 1
            if left == 30:
                raise ValueError("refused")
            write(data, offset)

        made.device.write = refused_once  # type: ignore[method-assign]
        controller.ask(Mode(1024, 768))
        settled(controller)
        assert made.said == ["The resolution was not set: EFAULT: refused"]
        assert (made.edid().blob, made.edid().link_up, made.shown()) == (before, True, (640, 480))
        # And it can be tried again.
        controller.ask(Mode(1024, 768))
        settled(controller)
        assert made.shown() == (1024, 768)


def texts(controller: ResolutionMenu) -> dict[str, bool]:
    return {each.text(): each.isEnabled() for each in controller.menu().actions() if not each.isSeparator()}


def test_the_menu_has_what_the_device_can_show_and_marks_what_it_shows() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)
        offered = texts(controller)
        assert all(offered.values())
        assert "1920 × 1200" in offered and "2560 × 1440" not in offered
        controller.menu().aboutToShow.emit()
        assert [each.text() for each in controller.menu().actions() if each.isChecked()] == ["640 × 480"]
        controller.follow(True)
        settled(controller)
        next(each for each in controller.menu().actions() if each.text() == "1024 × 768").trigger()
        settled(controller)
        assert (made.shown(), controller.following) == ((1024, 768), False)


class RefusesLate:
    """A control whose screen tells only when it is asked that it takes no mode."""

    def __init__(self) -> None:
        self.refusal: ResolutionRefused | None = None
        self.limits = Limits()
        self.begun: list[tuple[Mode, float]] = []

    def check(self, mode: Mode) -> None:
        pass

    def is_set(self, mode: Mode) -> bool:
        return False

    def begin(self, mode: Mode, dpi: float) -> None:
        self.begun.append((mode, dpi))

    def step(self) -> int | None:
        self.refusal = ResolutionRefused("this screen takes no resolution", "set the resolution inside the guest")
        raise self.refusal

    def finish(self) -> None:
        pass


def test_a_screen_that_refuses_when_it_is_asked_turns_the_menu_off() -> None:
    with bench() as (made, controller):
        control = RefusesLate()
        controller.set_control(control)
        assert all(texts(controller).values())
        controller.follow(True)
        assert made.said == ["This screen takes no resolution; set the resolution inside the guest."]
        assert next(iter(texts(controller))) == "Off: this screen takes no resolution"
        # It is not asked, and the user is not told, at each new size of the window.
        made.room = (1000, 700)
        controller.resized()
        controller._fit()
        assert (len(control.begun), len(made.said)) == (1, 1)


def test_a_guest_that_follows_is_told_the_true_density_where_the_desktop_knows_it() -> None:
    with bench() as (made, controller):
        control = RefusesLate()
        controller._get_viewport = lambda: Viewport(800, 600, 2.0, None, 163.0)
        controller.set_control(control)
        controller.follow(True)
        controller._get_viewport = lambda: Viewport(800, 600, 2.0, None)
        controller.set_control(other := RefusesLate())
        controller.follow(False)
        controller.follow(True)
        assert (control.begun[0][1], other.begun[0][1]) == (163.0, 192.0)
        assert made.said != []


@pytest.mark.parametrize(("spec", "reason"), [("mdpy", "this device has no EDID region"), (None, "no screen is open")])
def test_without_the_region_the_menu_is_off_and_says_why(spec: str | None, reason: str) -> None:
    with bench(spec or SPEC) as (made, controller):
        _set(controller, made.device if spec else None)
        offered = texts(controller)
        assert next(iter(offered)) == f"Off: {reason}"
        assert not any(offered.values())
        assert made.said == []
        controller.ask(Mode(800, 600))
        _set(controller, made.device if spec else None)
        # Asked for on the command line, it must not fail in silence.
        assert made.said == ([f"{reason}; set the resolution inside the guest"] if spec else [])


def test_another_mode_is_asked_for_until_it_can_be_had() -> None:
    with bench() as (made, controller):
        _set(controller, made.device)

        def dialog() -> QInputDialog:
            return next(each for each in made.parent.findChildren(QInputDialog) if each.isVisible())

        next(each for each in controller.menu().actions() if each.text() == "&Other…").trigger()
        for text, problem in (("nonsense", "not of the form"), ("4000x3000", "more than the device allows")):
            dialog().setTextValue(text)
            dialog().accept()
            until(lambda: any(each.isVisible() for each in made.parent.findChildren(QInputDialog)))
            assert problem in dialog().labelText()
            assert dialog().textValue() == text
        dialog().setTextValue("1152x864@72")
        dialog().accept()
        settled(controller)
        assert made.shown() == (1152, 864)


def test_the_resolutions_are_choices_of_which_one_or_none_is_chosen() -> None:
    """The menu draws them as it draws other exclusive choices; a guest may have a size that is not in the menu."""
    with bench() as (made, controller):
        assert made.device is not None
        controller.set_control(EdidResolution(made.device))
        controller.menu().aboutToShow.emit()
        groups = {action.actionGroup() for action in controller._sizes.values()}
        (group,) = groups
        assert group is not None and group.isExclusive()
        assert [size for size, action in controller._sizes.items() if action.isChecked()] == [(640, 480)]
        controller._sizes[800, 600].trigger()
        assert [size for size, action in controller._sizes.items() if action.isChecked()] == [(800, 600)]
        settled(controller)
        made.look = lambda: Viewport(*made.room, 1.0, (801, 600))  # type: ignore[method-assign]
        controller._get_viewport = made.look
        controller.menu().aboutToShow.emit()
        assert not any(action.isChecked() for action in controller._sizes.values())
