"""What ``inspect`` tells of a VM's console. A published key keeps its meaning."""

from dataclasses import asdict

from app.dbus_display.connection.console_facts import ConsoleFacts, VmDisplayFacts
from app.dbus_display.connection.vm_display import ControlState
from app.planes.plane_document import Document

DEVICE_TYPE = "qemu-dbus-display"


def describe_console(facts: VmDisplayFacts, console: int, state: ControlState) -> Document:
    """The parts ``display`` (null: this is no VFIO device), ``device`` and ``vm_display`` of an ``inspect`` document.

    ``console`` is the number of the one that is shown. ``vm_display`` has ``name`` and ``uuid`` of the VM, null if it
    told none, its ``interfaces`` and ``consoles``, and the ``state`` of the control connection.
    """
    shown = next((each for each in facts.consoles if each.number == console), None)
    return {
        "display": None,
        "device": {
            "name": shown.label if shown is not None and shown.label else f"console {console}",
            "type": DEVICE_TYPE,
            "driver": None,
            "module": None,
            "simulated": False,
        },
        "vm_display": {
            "name": facts.name or None,
            "uuid": facts.uuid,
            "state": state.value,
            "interfaces": list(facts.interfaces),
            "consoles": [_console_document(each) | {"shown": each is shown} for each in facts.consoles],
        },
    }


def _console_document(console: ConsoleFacts) -> Document:
    """``number``, ``label``, ``head``, ``graphic``, ``width``, ``height``, ``device_address``, ``interfaces``."""
    return asdict(console) | {"interfaces": list(console.interfaces)}
