"""What a target is called before it is opened."""

from app.open.target import parse_target
from app.open.target_label import label_of


def test_what_is_waited_for_is_called_as_a_person_would() -> None:
    assert [label_of(parse_target(each)) for each in ("vm:win10", "pid:4711", "83b8f4f2")] == [
        "VM win10",
        "process 4711",
        "83b8f4f2",
    ]
    assert [label_of(parse_target(each)) for each in ("vm:win10,console=1", "pid:4711,console=0")] == [
        "VM win10, console 1",
        "process 4711, console 0",
    ]
    assert label_of(parse_target("dbus:unix:path=/run/bus")) == "the VM on the bus unix:path=/run/bus"
    assert label_of(parse_target("xen:web,connector=1")) == "guest web"
