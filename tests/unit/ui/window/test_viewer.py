"""What the viewer calls its target, and whether it shows that already."""

from app.host.vgpu import Vgpu
from app.open.source import Source
from app.open.target import SIMULATED_DEFAULT, parse_target
from app.planes.status import State
from app.vfio.buffer_cache import FetchRule
from tests.unit.scripted import ScriptedDevice
from ui.window.viewer import is_shown, label_of


def test_what_is_waited_for_is_called_as_a_person_would() -> None:
    assert [label_of(parse_target(each)) for each in ("vm:win10", "pid:4711", "83b8f4f2")] == [
        "VM win10",
        "process 4711",
        "83b8f4f2",
    ]


def test_choosing_what_is_shown_opens_nothing() -> None:
    one, other = Vgpu("one"), Vgpu("other")
    source = Source("one", "one", ScriptedDevice(), one, FetchRule.FREELY, lambda: None)
    assert is_shown(one, source, State.NO_SIGNAL)
    assert not is_shown(one, source, State.GONE), "it may have come back"
    assert not is_shown(other, source, State.SHOWING)
    assert not is_shown(SIMULATED_DEFAULT, source, State.SHOWING)
