"""A window over the PV display of a Xen guest: picture, flip, no signal, keys, the guest's end and its next start."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.pushed.source import HEIGHT, WIDTH, expected_picture
from tests.window.displays import Display
from tests.window.test_view import contains, wait_for_screen
from tests.window.viewer import DrivenViewer, driven

_A = 38


@contextmanager
def _viewing(display: Display, *arguments: str) -> Iterator[DrivenViewer]:
    with driven(display, "tests.window.run_xen", "view", "xen:demo", "--scaling", "actual", *arguments) as viewer:
        viewer.wait_until("guest_states", lambda states: states[0] == 4)
        yield viewer


def _sees(display: Display, number: int) -> None:
    wanted = expected_picture(number, cursor=False)
    assert contains(wait_for_screen(display, lambda it: contains(it, wanted)), wanted)


def test_flips_of_a_guest_are_shown_and_told_back(wayland: Display) -> None:
    with _viewing(wayland) as viewer:
        viewer.do("guest_show", 0)
        _sees(wayland, 0)
        for number in range(1, 4):
            viewer.do("guest_show", number)
            _sees(wayland, number)
        viewer.wait_until("guest_flips", lambda flips: flips == [3, 3])
        viewer.do("guest_off")
        viewer.wait_until("state", lambda state: "no-signal" in state["status"])
        viewer.do("guest_show", 4)
        _sees(wayland, 4)
        assert viewer.interrupt() == 0
    assert viewer.warnings() == []


def test_keys_reach_the_driver_of_the_guest(x11: Display) -> None:
    with _viewing(x11) as viewer:
        viewer.wait_until("guest_states", lambda states: states == [4, 4])
        viewer.do("guest_show", 0)
        viewer.wait_for("showing, ")
        viewer.do("activate")
        viewer.do("key", "A", _A)
        viewer.wait_until("guest_events", lambda events: ["key", 30, 1] in events and ["key", 30, 0] in events)
        assert viewer.interrupt() == 0
    assert viewer.warnings() == []


def test_a_guest_that_ends_is_gone_and_its_next_start_is_waited_for(wayland: Display) -> None:
    with _viewing(wayland, "--wait") as viewer:
        viewer.do("guest_show", 0)
        _sees(wayland, 0)
        viewer.do("guest_end")
        viewer.wait_for("gone, vm-ended")
        viewer.do("guest_start")
        viewer.wait_until("guest_states", lambda states: states[0] == 4)
        viewer.do("guest_show", 5)
        _sees(wayland, 5)
        assert viewer.interrupt() == 0
    assert viewer.warnings() == []


def test_granted_pages_are_drawn_again_as_they_change_until_their_domain_ends(wayland: Display) -> None:
    target = f"xen:demo,refs=REFS,size={WIDTH}x{HEIGHT},format=XR24"
    with driven(wayland, "tests.window.run_xen", "view", target, "--scaling", "actual") as viewer:
        for number in range(3):
            viewer.do("guest_draw", number)
            _sees(wayland, number)
        viewer.do("guest_end")
        viewer.wait_for("gone, vm-ended")
        assert viewer.interrupt() == 0
    assert viewer.warnings() == []
