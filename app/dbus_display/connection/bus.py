"""What is said to a D-Bus daemon, and what it is to tell of the VM (D-Bus specification, "Message Bus")."""

from collections.abc import Iterator

from jeepney import HeaderFields, Message

from app.dbus_display.wire import names
from app.dbus_display.wire.messages import method_call

NAME = "org.freedesktop.DBus"
_PATH = "/org/freedesktop/DBus"


def first_calls(vm: str) -> Iterator[Message]:
    """``vm`` is the VM's unique name."""
    yield method_call(_PATH, NAME, "Hello", destination=NAME)
    for rule in (
        f"type='signal',sender='{vm}',interface='{names.PROPERTIES}',member='PropertiesChanged'",
        f"type='signal',sender='{NAME}',interface='{NAME}',member='NameOwnerChanged',arg0='{vm}'",
    ):
        yield method_call(_PATH, NAME, "AddMatch", "s", (rule,), destination=NAME)


def says_that_it_left(signal: Message, vm: str) -> bool:
    """Whether the daemon says that the VM's unique name has no owner any more."""
    return signal.header.fields.get(HeaderFields.member) == "NameOwnerChanged" and (
        len(signal.body) == 3 and signal.body[0] == vm and signal.body[2] == ""
    )
