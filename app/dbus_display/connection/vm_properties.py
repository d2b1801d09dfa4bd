"""The properties that a VM tells, and the facts in them. Whatever has another type than QEMU's counts as missing."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from app.dbus_display.connection.console_facts import ConsoleFacts, VmDisplayFacts
from app.dbus_display.wire import names
from app.text.clean import clean

MOST_CONSOLES = 64
"""QEMU's devices have 16 heads at most; this is far more than a VM has."""

_MOST_INTERFACES = 32
_MOST_PROPERTIES = 64
# Of a text and of a list. Names of VMs and devices are shorter, and lists have an entry for each console at most.
_LONGEST = 1024
# The number is a part of a path.
_LAST_NUMBER = (1 << 32) - 1
_NO_UUID = "00000000-0000-0000-0000-000000000000"
_EMPTY: Mapping[str, Any] = MappingProxyType({})

Properties = Mapping[tuple[str, str], Mapping[str, Any]]
"""By path and interface."""


def unwrapped(told: Any) -> dict[str, Any]:
    """The values of an ``a{sv}`` without their signatures; empty for anything else. What is too long is cut."""
    if not isinstance(told, dict) or len(told) > _MOST_PROPERTIES:
        return {}
    pairs = [(name, value[1]) for name, value in told.items() if isinstance(name, str) and isinstance(value, tuple)]
    return {name: _short(value) for name, value in pairs if isinstance(value, str | int | list)}


def changed(known: Mapping[str, Any], told: Any) -> dict[str, Any]:
    """The properties after a change told by ``PropertiesChanged``. They never become more than an object may have."""
    new = unwrapped(told)
    every = {**known, **new}
    return every if len(every) <= _MOST_PROPERTIES else {name: new.get(name, value) for name, value in known.items()}


def console_numbers(properties: Properties) -> list[int]:
    told = properties.get((names.VM_PATH, names.VM), _EMPTY).get("ConsoleIDs")
    listed = told if isinstance(told, list) else []
    numbers = {each for each in listed if _is_number(each) and 0 <= each <= _LAST_NUMBER}
    return sorted(numbers)[:MOST_CONSOLES]


def facts_of(properties: Properties) -> VmDisplayFacts:
    """The facts, cleaned."""
    vm = properties.get((names.VM_PATH, names.VM), _EMPTY)
    uuid = clean(_text(vm.get("UUID")))
    return VmDisplayFacts(
        name=clean(_text(vm.get("Name"))),
        uuid=uuid if uuid not in {"", _NO_UUID} else None,
        interfaces=interfaces_of(vm),
        consoles=tuple(_consoles(properties)),
    )


def interfaces_of(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """The further interfaces that an object says it has, cleaned."""
    told = properties.get("Interfaces")
    found = told[:_MOST_INTERFACES] if isinstance(told, list) else []
    return tuple(clean(each) for each in found if isinstance(each, str))


def _consoles(properties: Properties) -> Iterator[ConsoleFacts]:
    for number in console_numbers(properties):
        if console := properties.get((names.console_path(number), names.CONSOLE)):
            yield ConsoleFacts(
                number=number,
                label=clean(_text(console.get("Label"))),
                head=_number(console.get("Head")),
                graphic=console.get("Type") == "Graphic",
                width=_number(console.get("Width")),
                height=_number(console.get("Height")),
                device_address=clean(_text(console.get("DeviceAddress"))),
                interfaces=interfaces_of(console),
            )


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [each for each in value[:_LONGEST] if isinstance(each, str | int)]
    return value[:_LONGEST] if isinstance(value, str) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> int:
    return value if _is_number(value) and value >= 0 else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
