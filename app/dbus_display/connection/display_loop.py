"""What the thread of a VM's display does in each turn: the control connection, the listeners, and the VM's end."""

import select
import socket
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from app.dbus_display.connection.console_facts import VmDisplayFacts
from app.dbus_display.connection.control import Control, Reply, Serve, failed
from app.dbus_display.connection.registration import Registration, Watch
from app.dbus_display.connection.vm_properties import facts_of
from app.dbus_display.wire.messages import LARGEST, WireError
from app.dbus_display.wire.wire import Wire

_MOST_QUEUED = 1 << 25
_READY_LIMIT_NS = 5_000_000_000
# A VM that ends closes its sockets some ms before its process is gone.
_END_CHECK_NS = 50_000_000
_END_LIMIT_NS = 1_000_000_000
_SLOW_CHECK_NS = 2_000_000_000


class ControlState(Enum):
    """TAKEN_OVER: another client is connected (in p2p mode there is one at a time). LOST: the VM has ended."""

    CONNECTED = "connected"
    TAKEN_OVER = "taken-over"
    LOST = "lost"

    @property
    def why_not(self) -> str:
        """Why the VM takes no calls; empty if it does."""
        return _WHY_NOT.get(self, "")


_WHY_NOT = {
    ControlState.TAKEN_OVER: "another client took the controls over",
    ControlState.LOST: "the VM's display is gone",
}


class DisplayLoop:
    """Owns the control connection and the registrations. Only the display's thread calls its methods; none waits.

    ``bus_name`` is the VM's unique name on a bus, None peer to peer.
    """

    def __init__(
        self, bus_name: str | None, process_ended: Callable[[], bool], serials: Iterator[int], watch: Watch
    ) -> None:
        self.state = ControlState.CONNECTED
        self.facts = VmDisplayFacts("", None)
        self.properties: Mapping[tuple[str, str], Mapping[str, Any]] = MappingProxyType({})
        self.ready = False
        """The VM has told what it has."""
        self.why_lost = ""
        self._told = (self.state, self.ready)
        """What the last turn returned. An order between two turns may change it, too."""
        self._bus_name = bus_name
        self._process_ended = process_ended
        self._serials = serials
        self._watch = watch
        self._control: Control | None = None
        self._seen_changes = 0
        self._ready_until_ns = 0
        self._ended_ns: int | None = None
        self._check_ns: int | None = None

    @property
    def has_connection(self) -> bool:
        """Whether there is a control connection. It may not be ready."""
        return self._control is not None

    def connect(self, connection: socket.socket, served: Mapping[tuple[str, str], Serve], now_ns: int) -> None:
        """Take over a socket as the control connection, where there is none."""
        if self.state is ControlState.LOST or self._control is not None:
            connection.close()
            return
        self._ended_ns = self._check_ns = None
        self._ready_until_ns = now_ns + _READY_LIMIT_NS
        self._seen_changes = 0
        # The text of the guest's clipboard has any size that D-Bus allows, and must not end the connection.
        wire = Wire(connection, LARGEST, _MOST_QUEUED, self._serials)
        self._control = Control(wire, self._bus_name, served)
        self._with_control(lambda control: control.wire.start(), now_ns)

    def call(self, data: bytes, serial: int, done: Reply | None, now_ns: int) -> None:
        """Send a call that is serialised already."""
        if self._control is not None:
            self._with_control(lambda control: control.send(data, serial, done, now_ns), now_ns)
        elif done is not None:
            done(failed(self.why_lost or ControlState.TAKEN_OVER.why_not))

    def guard_control(self, now_ns: int) -> None:
        """Have the guard process end the control connection, too, when this program is stopped."""
        self._with_control(lambda control: control.wire.watched_by(self._watch), now_ns)

    def turn(self, registrations: tuple[Registration, ...], now_ns: int) -> tuple[bool, int | None]:
        """Do what is to be done now.

        Returns whether properties or the state changed, and the time at which there is more to do (None: not by time).
        """
        again: list[int | None] = []
        self._with_control(lambda control: control.read_and_flush(now_ns), now_ns)
        again.append(self._look_for_end(now_ns))
        for each in registrations:
            if self.state is ControlState.LOST:
                each.vm_ended(self.why_lost)
                continue
            ready = self._control if self._control and self._control.ready else None
            try:
                again.append(each.turn(now_ns, ready, self._watch))
            except WireError as error:
                self._control_ended(str(error), now_ns)
                # The listeners before this one are told in the next turn.
                again.append(now_ns)
        if self._control is not None:
            again.append(self._control.expire(now_ns))
            again.append(self._give_up(self._control, now_ns))
        has_news = self._publish()
        told, self._told = self._told, (self.state, self.ready)
        return has_news or told != self._told, min((each for each in again if each is not None), default=None)

    def wait(self, wake_fd: int, registrations: tuple[Registration, ...], timeout_ms: int | None) -> None:
        """Wait for a socket, for ``wake_fd``, or for the time."""
        poll = select.poll()
        poll.register(wake_fd, select.POLLIN)
        control = self._control.wire if self._control else None
        for wire in (control, *(each.wire for each in registrations)):
            if wire is not None:
                also = select.POLLIN if wire is control else 0
                poll.register(wire, also | select.POLLOUT if wire.wants_to_send else select.POLLIN)
        poll.poll(timeout_ms)

    def close(self, why: str) -> None:
        """Close the control connection, its calls fail; more calls do nothing."""
        self._lose(why)

    def _with_control(self, act: Callable[[Control], None], now_ns: int) -> None:
        if self._control is not None:
            try:
                act(self._control)
            except WireError as error:
                self._control_ended(str(error), now_ns)

    def _give_up(self, control: Control, now_ns: int) -> int | None:
        """End a new connection on which the VM does not tell what it has. Returns when to ask again."""
        if control.ready:
            return None
        if now_ns >= self._ready_until_ns:
            self._control_ended("the VM did not answer", now_ns)
            return now_ns
        return self._ready_until_ns

    def _control_ended(self, why: str, now_ns: int) -> None:
        control, self._control = self._control, None
        if control is None:
            return
        control.close(why)
        if not self.ready or self._bus_name is not None:
            self._lose(why)
        else:
            self._ended_ns = self._check_ns = now_ns

    def _look_for_end(self, now_ns: int) -> int | None:
        """See whether the VM has ended, once the control connection is gone: only then is somebody else connected."""
        if self._control is not None and self._control.vm_left_bus:
            self._lose("the VM has ended")
        if self._check_ns is None or self._ended_ns is None or now_ns < self._check_ns:
            return self._check_ns
        if self._process_ended():
            self._lose("the VM has ended")
            return None
        if now_ns - self._ended_ns >= _END_LIMIT_NS:
            self.state = ControlState.TAKEN_OVER
        slow = self.state is ControlState.TAKEN_OVER
        self._check_ns = now_ns + (_SLOW_CHECK_NS if slow else _END_CHECK_NS)
        return self._check_ns

    def _lose(self, why: str) -> None:
        control, self._control = self._control, None
        self._check_ns = None
        if self.state is not ControlState.LOST:
            self.state, self.why_lost = ControlState.LOST, why
        if control is not None:
            control.close(why)

    def _publish(self) -> bool:
        """Take over what the VM has told."""
        control = self._control
        if control is None or not control.ready or control.changes == self._seen_changes:
            return False
        self._seen_changes = control.changes
        self.properties = MappingProxyType(control.properties)
        self.facts = facts_of(control.properties)
        self.state, self.ready = ControlState.CONNECTED, True
        return True
