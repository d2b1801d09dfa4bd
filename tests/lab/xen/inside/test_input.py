"""The PV keyboard and pointer of a stock guest."""

import time

from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Key, Press
from app.open.opening import open_target
from app.open.target import parse_target
from app.vm.monitor import ConnectionState
from tests.lab.xen.guest_config import SIZE
from tests.lab.xen.inside import toolstack
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest

# include/uapi/linux/input-event-codes.h
_EV_KEY, _EV_ABS = 1, 3
_ABS_X, _ABS_Y = 0, 1
_KEY_A, _BTN_LEFT, _BTN_RIGHT = 30, 0x110, 0x111

_MIDDLE = (ABSOLUTE_MAX + 1) // 2
_WIDTH, _HEIGHT = SIZE
_EXPECTED = [
    (_EV_KEY, _KEY_A, 1),
    (_EV_KEY, _KEY_A, 0),
    (_EV_ABS, _ABS_X, _WIDTH),
    (_EV_ABS, _ABS_Y, _HEIGHT),
    (_EV_KEY, _BTN_LEFT, 1),
    (_EV_KEY, _BTN_LEFT, 0),
    (_EV_ABS, _ABS_X, _WIDTH // 2 + 1),
    (_EV_ABS, _ABS_Y, _HEIGHT // 2 + 1),
    (_EV_KEY, _BTN_RIGHT, 1),
    (_EV_KEY, _BTN_RIGHT, 0),
    (_EV_ABS, _ABS_X, 0),
    (_EV_ABS, _ABS_Y, 0),
]


def test_keys_and_the_pointer_arrive_exactly(pv: Guest, fact: Fact) -> None:
    """The pointer's range is that of the guest's configuration: both ends of the axis are reached.

    Clicks are between the positions, because a position that is not sent yet gives way to the next one.
    """
    job = pv.start("inputs", seconds=40, name="Xen Virtual", count=len(_EXPECTED))
    pv.wait(lambda: job.said, "the guest has opened its input devices")
    assert job.said[0]["devices"] == ["Xen Virtual Keyboard", "Xen Virtual Pointer"]
    session = open_target(parse_target(f"xen:{pv.name}"))
    try:
        monitor = session.input.open(lambda: None)
        toolstack.wait_until(lambda: monitor.status.state is ConnectionState.READY, "the keyboard is connected")
        begun = time.monotonic()
        for batch in (
            [Key("a", True), Key("a", False)],
            [Absolute(Axis.X, ABSOLUTE_MAX), Absolute(Axis.Y, ABSOLUTE_MAX)],
            [Press(Button.LEFT, True), Press(Button.LEFT, False)],
            [Absolute(Axis.X, _MIDDLE), Absolute(Axis.Y, _MIDDLE)],
            [Press(Button.RIGHT, True), Press(Button.RIGHT, False)],
            [Absolute(Axis.X, 0), Absolute(Axis.Y, 0)],
        ):
            monitor.send(batch)
        events = [tuple(each[1:]) for each in pv.finish(job)["events"]]
        fact("from the first key to the guest's answer, s", time.monotonic() - begun)
        monitor.close()
    finally:
        session.close()
    assert events == _EXPECTED
