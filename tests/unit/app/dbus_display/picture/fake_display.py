"""A display without a VM: it hands calls to the listener of a source."""

from dataclasses import dataclass, field
from typing import cast

from jeepney import Message

from app.dbus_display.connection.listener import Answer, Listener
from app.dbus_display.connection.vm_display import VmDisplay
from app.dbus_display.picture.console_source import ConsoleSource
from app.planes.display_facts import DisplayProblem, SeenProblem
from app.planes.frame import Surface


@dataclass
class FakeDisplay:
    """Has the members of VmDisplay that a source uses. ``now_ns`` is the time of the next call."""

    listeners: dict[int, Listener] = field(default_factory=dict)
    registered_again: int = 0
    woken: int = 0
    given_back: int = 0
    now_ns: int = 1000

    def listen(self, console: int, listener: Listener) -> None:
        if console in self.listeners:
            raise ValueError(f"console {console} has a listener")
        self.listeners[console] = listener

    def unlisten(self, console: int) -> None:
        self.listeners.pop(console, None)

    def register_again(self, console: int) -> bool:
        self.registered_again += 1
        return self.registered_again == 1

    def wake(self) -> None:
        self.woken += 1

    def source(self) -> ConsoleSource:
        def give_back() -> None:
            self.given_back += 1

        return ConsoleSource(cast(VmDisplay, self), 0, give_back)

    def send(self, *calls: Message) -> list[Answer]:
        """What the listener answers to each of the calls."""
        return [self.listeners[0].handle(each, self.now_ns) for each in calls]

    def send_one(self, call: Message) -> Answer:
        (answer,) = self.send(call)
        return answer


def pixels(surface: Surface | None) -> bytes:
    """All bytes of a surface that is shown."""
    assert surface is not None
    with surface.buffer.mapping() as memory:
        return bytes(memory)


def problems(source: ConsoleSource) -> dict[DisplayProblem, SeenProblem]:
    return {each.problem: each for each in source.display_facts().problems}
