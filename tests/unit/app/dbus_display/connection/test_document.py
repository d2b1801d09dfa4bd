"""What ``inspect`` tells of a VM's console."""

import json

from app.dbus_display.connection.console_facts import ConsoleFacts, VmDisplayFacts
from app.dbus_display.connection.document import describe_console
from app.dbus_display.connection.vm_display import ControlState

FIRST = ConsoleFacts(0, "virtio-vga", 0, True, 1280, 800, "pci/0000/02.0", ("org.qemu.Display1.Mouse",))
SECOND = ConsoleFacts(3, "", 1, True, 640, 480, "")
FACTS = VmDisplayFacts("win", "d8a3", ("org.qemu.Display1.VM",), (FIRST, SECOND))


def test_the_shown_console_is_the_device_and_all_are_listed() -> None:
    document = json.loads(json.dumps(describe_console(FACTS, 0, ControlState.CONNECTED)))
    assert document["display"] is None, "it is no VFIO device"
    assert document["device"] == {
        "name": "virtio-vga",
        "type": "qemu-dbus-display",
        "driver": None,
        "module": None,
        "simulated": False,
    }
    vm = document["vm_display"]
    assert (vm["name"], vm["uuid"], vm["state"]) == ("win", "d8a3", "connected")
    assert [(each["number"], each["head"], each["shown"]) for each in vm["consoles"]] == [(0, 0, True), (3, 1, False)]
    assert vm["consoles"][0]["device_address"] == "pci/0000/02.0"
    assert vm["consoles"][0]["interfaces"] == ["org.qemu.Display1.Mouse"]


def test_a_console_without_a_label_or_that_is_gone_has_its_number() -> None:
    for number in (3, 7):
        document = describe_console(FACTS, number, ControlState.TAKEN_OVER)
        assert document["device"]["name"] == f"console {number}"
    assert document["vm_display"]["state"] == "taken-over"
    assert not any(each["shown"] for each in document["vm_display"]["consoles"])
