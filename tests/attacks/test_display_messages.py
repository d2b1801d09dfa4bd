"""Whatever a VM says on its display: the display's thread goes on, and keeps a bounded part of it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jeepney import HeaderFields, Message, MessageFlag

from app.dbus_display.connection.document import describe_console
from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import ControlState, VmDisplay
from app.dbus_display.controls.resolution import UiInfoResolution
from app.planes.status import Reason
from tests.attacks.fake_display import PATIENCE_S, X8R8G8B8, Attacked, attacked, until
from tests.qemu import peer
from tests.qemu.fake_vm import SIGNATURES, FakeVm
from tests.qemu.machine import own_memory

_DISPLAY = "org.qemu.Display1"
_ROOT = "/org/qemu/Display1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_VM = f"{_DISPLAY}.VM"
_PATHS = st.sampled_from([f"{_ROOT}/VM", f"{_ROOT}/Console_0", f"{_ROOT}/Clipboard", "/other"])
_INTERFACES = st.sampled_from(
    [_PROPERTIES, *(f"{_DISPLAY}.{each}" for each in ("VM", "Console", "Keyboard", "Mouse", "MultiTouch"))]
)
_NAMES = ["Name", "UUID", "ConsoleIDs", "Interfaces", "Label", "Head", "Type", "Width", "Modifiers", "IsAbsolute"]
_VALUES: st.SearchStrategy[tuple[str, Any]] = st.sampled_from(
    [
        ("s", ""),
        ("s", "x" * 5000),
        ("s", "\x1b[2J\n\u202e"),
        ("i", -1),
        ("t", 2**64 - 1),
        ("d", float("nan")),
        ("b", True),
        ("as", ["x"] * 40),
        ("ai", [-1, 0, 5]),
        ("at", [2**64 - 1]),
        ("ay", b"abc"),
        ("a{sv}", {"x": ("s", "y")}),
        ("v", ("as", ["x"])),
        ("(su)", ("x", 1)),
    ]
)
_SECONDS = 0.5
_MOST_GROWTH = 48 << 20


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    path, interface, (signature, value) = draw(_PATHS), draw(_INTERFACES), draw(_VALUES)
    match draw(st.sampled_from(["change", "call", "reply"])):
        case "change":
            told = draw(st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=4))
            body = (interface, told, draw(st.sampled_from([[], ["Name"]])))
            return peer.signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)
        case "call":
            return peer.method_call(path, interface, draw(st.sampled_from(["GetAll", "Ping"])), signature, (value,))
    reply = peer.method_return(peer.method_call("/a", "a.b", "C"), signature, (value,))
    reply.header.fields[HeaderFields.reply_serial] = draw(st.integers(1, 30))
    return reply


@settings(max_examples=40)
@example({"ConsoleIDs": ("ai", [-1, 0])}, [])
@example({}, [peer.method_call("/x", _PROPERTIES, "GetAll", "as", (["x"],))])
@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES), st.lists(_messages(), max_size=20))
def test_nothing_on_the_control_connection_ends_the_thread(told: dict[str, Any], messages: list[Message]) -> None:
    with FakeVm() as vm:
        for interfaces in vm.properties.values():
            for properties in interfaces.values():
                properties.update(told)
        display = VmDisplay(Endpoint(vm.connect()), lambda: False)
        try:
            for each in messages:
                vm.send(each)
            until(lambda: _goes_round(display))
            assert display.state is ControlState.CONNECTED
            describe_console(display.facts, 0, display.state)
            _ = UiInfoResolution(display, 0).refusal
        finally:
            display.close()


def _goes_round(display: VmDisplay) -> bool:
    answered: list[object] = []
    display.call(f"{_ROOT}/VM", _PROPERTIES, "GetAll", "s", (_VM,), answered.append)
    until(lambda: answered)
    return True


def test_properties_do_not_pile_up() -> None:
    with attacked() as it:
        for turn in range(100):
            told = {f"{turn} {each}": ("s", "x" * 1000) for each in range(50)}
            it.vm.send(peer.signal(f"{_ROOT}/VM", _PROPERTIES, "PropertiesChanged", "sa{sv}as", (_VM, told, [])))
        it.vm.change(f"{_ROOT}/VM", _VM, "Name", "x" * 50_000)
        until(lambda: it.display.facts.name.startswith("xx"))
        kept = it.display.properties(f"{_ROOT}/VM", _VM)
    assert len(kept) <= 64
    assert sum(len(str(each)) for each in kept.values()) < 64 * 1100


def _call(member: str, *arguments: Any) -> bytes:
    interface, signature = SIGNATURES[member]
    message = peer.method_call(f"{_ROOT}/Listener", interface, member, signature, arguments)
    message.header.flags = MessageFlag.no_reply_expected
    return bytes(message.serialise(serial=1))


def _variants() -> bytes:
    return bytes(peer.signal("/x", "a.b", "C", "av", ([("y", 1)] * 12_000,)).serialise(serial=1))


_FLOODS = {
    "pictures": _call("Scanout", 640, 480, 2560, X8R8G8B8, bytes(2560 * 480)),
    "sizes": b"".join(_call("Scanout", each, 1, 4000, X8R8G8B8, bytes(4000)) for each in range(1, 1000)),
    "what no listener has": _variants(),
}


@pytest.mark.parametrize("flood", _FLOODS)
def test_flood_at_full_speed_takes_no_memory_and_leaves_the_window_its_turns(tmp_path: Path, flood: str) -> None:
    data = tmp_path / "flood"
    data.write_bytes(_FLOODS[flood])
    with attacked() as it, _sender(it, data):
        # What is kept at most, such as one picture, is there after the first messages.
        time.sleep(0.2)
        before, turns, end = own_memory(os.getpid()), 0, time.monotonic() + _SECONDS
        # Too few turns are none that the flood holds up: this machine may have stood still.
        while time.monotonic() < end or (turns <= 3 and time.monotonic() < end + PATIENCE_S):
            it.source.latest()
            turns += 1
            time.sleep(0.01)
        grown = own_memory(os.getpid()) - before
        # Else only the beginning was read.
        assert it.source.latest().status.reason is not Reason.DISPLAY_CLOSED
    assert grown < _MOST_GROWTH
    # It would be none if the flood held this thread up.
    assert turns > 3


@contextmanager
def _sender(it: Attacked, data: Path) -> Iterator[None]:
    """A process sends the file again and again."""
    program = (
        "import os, sys; os.set_blocking(1, True); data = open(sys.argv[1], 'rb').read()\nwhile True: os.write(1, data)"
    )
    command = [sys.executable, "-c", program, str(data)]
    with subprocess.Popen(command, stdout=it.listener.socket.fileno(), stderr=subprocess.DEVNULL) as process:
        try:
            yield
            assert process.poll() is None
        finally:
            process.kill()
