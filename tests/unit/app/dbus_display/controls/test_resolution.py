"""The resolution of a guest by SetUIInfo: what is sent, how often, and what is said where it cannot be."""

import errno
import itertools

import pytest

from app.dbus_display.connection.vm_display import ControlState
from app.dbus_display.controls.resolution import UiInfoResolution
from app.dbus_display.wire.names import CONSOLE
from app.edid.mode import Mode
from app.errors import ResolutionRefused
from tests.unit.app.dbus_display.controls.fake_controls import FakeControls

_MS = 1_000_000


class Bench:
    """A console with a clock that a test sets."""

    def __init__(self) -> None:
        self.display = FakeControls()
        self.now = 1_000_000_000
        self.control = UiInfoResolution(self.display, 0, lambda: self.now)

    def ask(self, width: int, height: int, dpi: float = 96.0) -> None:
        self.control.begin(Mode(width, height), dpi)

    def settle(self) -> None:
        while (left := self.control.step()) is not None:
            self.now += left


def refused(bench: Bench) -> bool:
    return bench.control.refusal is not None


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_vm_is_told_pixels_and_millimetres(bench: Bench) -> None:
    bench.ask(1920, 1080, 96.0)
    bench.settle()
    assert bench.display.calls == [("SetUIInfo", 508, 286, 0, 0, 1920, 1080)]
    assert bench.control.is_set(Mode(1920, 1080))
    assert not bench.control.is_set(Mode(1920, 1088))


def test_a_size_in_mm_that_does_not_fit_is_as_large_as_possible(bench: Bench) -> None:
    bench.ask(16384, 64, 0.0)
    bench.settle()
    assert bench.display.calls == [("SetUIInfo", 65535, 1626, 0, 0, 16384, 64)]


def test_of_many_sizes_few_are_sent_and_the_last_one_wins(bench: Bench) -> None:
    """QEMU passes on each of them, and each costs the guest a mode switch."""
    times: list[int] = []
    for width in range(640, 1640):
        bench.ask(width, 480)
        bench.control.step()
        times += [bench.now] * (len(bench.display.calls) - len(times))
        bench.now += 1 * _MS
    bench.settle()
    assert len(bench.display.calls) == 6
    assert bench.display.calls[-1][-2:] == (1639, 480)
    assert all(after - before >= 200 * _MS for before, after in itertools.pairwise(times))


def test_what_was_not_sent_at_the_end_is_dropped(bench: Bench) -> None:
    bench.ask(800, 600)
    bench.settle()
    bench.ask(1024, 768)
    bench.control.step()
    bench.control.finish()
    bench.control.finish()
    bench.settle()
    assert len(bench.display.calls) == 1


def test_a_device_that_takes_no_size_is_a_refusal_from_then_on(bench: Bench) -> None:
    bench.display.error = lambda _: ("org.qemu.Display1.Error.Unsupported", "SetUIInfo is not supported")
    assert not refused(bench)
    bench.ask(800, 600)
    bench.control.step()
    bench.ask(1024, 768)
    with pytest.raises(ResolutionRefused, match="takes no resolution from outside; set the resolution inside"):
        bench.settle()
    assert refused(bench)
    for call in (
        lambda: bench.ask(800, 600),
        lambda: bench.control.check(Mode(800, 600)),
        lambda: bench.control.is_set(Mode(800, 600)),
        lambda: bench.control.limits,
    ):
        with pytest.raises(ResolutionRefused):
            call()
    assert bench.control.step() is None
    assert len(bench.display.calls) == 1


def test_other_errors_are_told_and_can_be_tried_again(bench: Bench) -> None:
    bench.display.error = lambda _: ("org.freedesktop.DBus.Error.Failed", "not\nnow")
    bench.ask(800, 600)
    with pytest.raises(ResolutionRefused, match="not now"):
        bench.settle()
    bench.display.error = lambda _: ("", "no reply")
    bench.ask(800, 600)
    with pytest.raises(OSError, match="no reply") as raised:
        bench.settle()
    assert raised.value.errno == errno.ETIMEDOUT
    assert not bench.control.is_set(Mode(800, 600))
    bench.display.error = lambda _: None
    bench.ask(800, 600)
    bench.settle()
    assert bench.control.refusal is None
    assert bench.control.is_set(Mode(800, 600))


@pytest.mark.parametrize(
    ("state", "words"), [(ControlState.TAKEN_OVER, "took the controls"), (ControlState.LOST, "gone")]
)
def test_without_the_controls_it_is_refused(bench: Bench, state: ControlState, words: str) -> None:
    bench.display.set_state(state)
    assert bench.control.refusal is None
    with pytest.raises(ResolutionRefused, match=words):
        bench.ask(800, 600)
    bench.display.set_state(ControlState.CONNECTED)
    bench.ask(800, 600)


def test_a_text_console_and_a_refresh_rate_are_refused(bench: Bench) -> None:
    with pytest.raises(ResolutionRefused, match="no refresh rate"):
        bench.control.check(Mode(800, 600, 75.0))
    bench.control.check(Mode(800, 600))
    bench.display.change(CONSOLE, Type="Text")
    assert bench.control.refusal is not None
    with pytest.raises(ResolutionRefused, match="text console"):
        bench.control.check(Mode(800, 600))
