"""The rows of a VM's screens and of QEMU's messages."""

from app.dbus_display.connection.console_facts import ConsoleFacts, VmDisplayFacts
from app.dbus_display.connection.document import describe_console
from app.dbus_display.connection.vm_display import ControlState
from app.planes.display_document import messages_document
from app.planes.display_facts import DisplayFacts
from ui.window.inspector.display_rows import display_nodes


def test_screens_and_counts_are_rows_and_other_sources_have_none() -> None:
    consoles = tuple(ConsoleFacts(number, "VGA", number, True, 640, 480, "pci/0") for number in (0, 1))
    vm = describe_console(VmDisplayFacts("win", None, (), consoles), 1, ControlState.CONNECTED)["vm_display"]
    messages = messages_document(DisplayFacts("map", (("UpdateMap", 7),), 2))
    first, second = display_nodes({"vm_display": vm, "messages": messages})
    assert (first.name, first.value) == ("VM", "win")
    assert [(each.name, each.value) for each in first.children] == [
        ("Controls", "connected"),
        ("Console 0", "VGA, 640 × 480"),
        ("Console 1", "VGA, 640 × 480, shown here"),
    ]
    assert [(each.name, each.value) for each in second.children] == [
        ("UpdateMap", "7"),
        ("Replaced unseen", "2"),
        ("Guest waits", "no"),
    ]
    assert display_nodes({"messages": None}) == ()
