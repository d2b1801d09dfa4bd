"""Input of the pushed session's own kind: a monitor without QMP that records what it is sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.input.event import Event, Key
from app.vm.monitor import Changed, ConnectionState, Monitor, MonitorStatus, PointingDevice, Reply
from app.vm.power import PowerAction


@dataclass
class PushedMonitor:
    """A :class:`app.vm.monitor.Monitor` that is ready at once. ``keys`` are those it was sent, "+a" and "-a"."""

    status: MonitorStatus = field(
        default_factory=lambda: MonitorStatus(ConnectionState.READY, "", PointingDevice.NONE, "running")
    )
    keys: list[str] = field(default_factory=list)
    actions: list[PowerAction] = field(default_factory=list)
    closed: bool = False

    def send(self, events: Sequence[Event]) -> None:
        self.keys += [f"{'+' if each.down else '-'}{each.qcode}" for each in events if isinstance(each, Key)]

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, done: Callable[[Reply], None] | None = None
    ) -> None:
        raise AssertionError("a window sends no commands")

    def power(self, action: PowerAction, done: Callable[[Reply], None] | None = None) -> None:
        self.actions.append(action)
        if done is not None:
            done(Reply())

    def tap(self, qcode: str, done: Callable[[Reply], None]) -> None:
        raise AssertionError

    def retake(self, refused: Callable[[str], None]) -> None:
        raise AssertionError

    def close(self, *, wait: bool = True) -> None:
        self.closed = True


@dataclass
class PushedInput:
    """A :class:`app.vm.input_route.InputRoute`."""

    monitor: PushedMonitor = field(default_factory=PushedMonitor)
    reason: str = ""
    destination: str = ""
    taints = False
    manager: str = ""

    def open(self, _changed: Changed, *, keep: bool = False) -> Monitor:
        return self.monitor
