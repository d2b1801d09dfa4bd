"""What the viewer calls its target, whether it shows that already, and what becomes of a choice during a wait."""

from dataclasses import replace

import pytest

from app.host.vgpu import Vgpu
from app.open.opening import vfio_session
from app.open.session import ConsoleChoice
from app.open.target import SIMULATED_DEFAULT, Default, Target, VmName
from app.planes.status import State
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.pushed.session import pushed_session
from tests.pushed.source import PushedSource
from tests.unit.command import run_without_display
from tests.unit.scripted import ScriptedDevice
from ui.window.shown_target import is_shown, is_substitute


def test_choosing_what_is_shown_opens_nothing() -> None:
    one, other = Vgpu("one"), Vgpu("other")
    session = vfio_session(OpenedDevice("one", "one", ScriptedDevice(), one, FetchRule.FREELY, lambda: None))
    assert is_shown(one, session, State.NO_SIGNAL)
    assert not is_shown(one, session, State.GONE), "it may have come back"
    assert not is_shown(other, session, State.SHOWING)
    assert not is_shown(SIMULATED_DEFAULT, session, State.SHOWING)


def test_choosing_the_console_that_is_shown_opens_nothing() -> None:
    source = PushedSource()
    consoles = (ConsoleChoice("one", "vm:web,console=0", True), ConsoleChoice("two", "vm:web,console=1", False))
    session = replace(pushed_session(source), target="vm:web,console=0", consoles=lambda: consoles)
    try:
        assert is_shown(VmName("web", 0), session, State.SHOWING)
        assert not is_shown(VmName("web", 1), session, State.SHOWING)
        assert not is_shown(VmName("web", 0), session, State.GONE), "it may have come back"
        assert not is_shown(Vgpu("one"), session, State.SHOWING)
    finally:
        source.close()


def test_only_a_simulated_vgpu_that_nobody_named_stands_in_for_a_missing_one() -> None:
    real, simulated = Vgpu("one"), Vgpu("sim:gvt", simulated=True)

    def substitute(target: Target, vgpu: Vgpu) -> bool:
        opened = OpenedDevice("one", "one", ScriptedDevice(), vgpu, FetchRule.FREELY, lambda: None)
        return is_substitute(target, vfio_session(opened))

    assert substitute(Default(), simulated)
    assert not substitute(SIMULATED_DEFAULT, simulated), "it was asked for"
    assert not substitute(Default(), real)


@pytest.mark.parametrize("what", ["first", "another", "waiting"])
def test_windows_thread_scans_no_processes(what: str) -> None:
    run_without_display("tests.unit.ui.window.programs.scans_off_the_windows_thread", what)


@pytest.mark.parametrize("case", ["later", "same", "refused", "named"])
def test_choice_while_something_else_is_waited_for(case: str) -> None:
    run_without_display("tests.unit.ui.window.programs.choices_and_waits", case)


def test_user_goes_on_from_an_error_at_opening() -> None:
    run_without_display("tests.unit.ui.window.programs.opening_errors")
