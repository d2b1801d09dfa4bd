"""The control connection of a VM's display: calls and their replies, properties, and calls that the VM makes on us."""

import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from jeepney import HeaderFields, Message, MessageFlag, MessageType

from app.dbus_display.connection import bus
from app.dbus_display.connection.vm_properties import changed, console_numbers, interfaces_of, unwrapped
from app.dbus_display.wire import names
from app.dbus_display.wire.messages import WireError, close_fds, error_reply, method_call, method_return
from app.dbus_display.wire.wire import Wire
from app.text.clean import clean_line

_TIME_LIMIT_NS = 5_000_000_000
_MOST_CALLS = 1024
_MESSAGES_A_TURN = 64
_MOST_PROPERTIES = 256
_CONSOLE_PARTS = (names.KEYBOARD, names.MOUSE, names.MULTI_TOUCH)

Serve = Callable[[str, tuple[Any, ...]], tuple[str, tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class CallResult:
    """The reply to a method call: its arguments, or an error: its D-Bus name and its words.

    Times are nanoseconds of ``time.monotonic_ns()``, None with an error of our own ("" as the name).
    """

    body: tuple[Any, ...] = ()
    error: tuple[str, str] | None = None
    sent_ns: int | None = None
    received_ns: int | None = None


Reply = Callable[[CallResult], None]


def failed(why: str) -> CallResult:
    """An error of our own."""
    return CallResult(error=("", why))


@dataclass(frozen=True, slots=True)
class _Sent:
    done: Reply
    sent_ns: int
    until_ns: int | None


class Control:
    """Owns the wire. All methods are called on the display's thread; :class:`WireError` means that it is of no use.

    ``bus_name`` is the VM's unique name on a bus, None peer to peer. ``served`` has what we serve, by path and
    interface.
    """

    def __init__(self, wire: Wire, bus_name: str | None, served: Mapping[tuple[str, str], Serve]) -> None:
        self.wire = wire
        self.properties: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.ready = False
        """The VM has told what it has."""
        self.vm_left_bus = False
        self.changes = 0
        """Of the properties; it only grows."""
        self._bus_name = bus_name
        self._served = served
        self._sent: dict[int, _Sent] = {}
        self._begun = False
        self._to_learn = 0
        self._is_looking = False

    def read_and_flush(self, now_ns: int) -> None:
        """Send what is queued, and handle the messages that have come."""
        self.wire.flush()
        for _ in range(_MESSAGES_A_TURN):
            message = self.wire.receive()
            if self.wire.authenticated and not self._begun:
                self._begun = True
                self._begin(now_ns)
            if message is None:
                return
            try:
                self._take(message, now_ns)
            finally:
                # Nothing on this connection passes fds.
                close_fds(message.body)

    def send(self, data: bytes, serial: int, done: Reply | None, now_ns: int) -> None:
        """Send a call that is serialised already."""
        if len(self._sent) >= _MOST_CALLS:
            if done:
                done(failed("the VM does not answer"))
            return
        # First, so that close() finds it if the connection has ended.
        self._sent[serial] = _Sent(done or _ignore, now_ns, now_ns + _TIME_LIMIT_NS)
        self.wire.send_bytes(data)

    def call(
        self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...], done: Reply, now_ns: int
    ) -> None:
        serial = self.wire.next_serial()
        message = method_call(path, interface, member, signature, body, self._bus_name)
        self.send(message.serialise(serial=serial), serial, done, now_ns)

    def register(self, console: int, fd: int, done: Reply, now_ns: int) -> None:
        """Pass the socket of a listener. There is no time limit: QEMU answers when its main loop is free again."""
        serial = self.wire.next_serial()
        numbers = array.array("i")
        message = method_call(
            names.console_path(console), names.CONSOLE, "RegisterListener", "h", (fd,), self._bus_name
        )
        self._sent[serial] = _Sent(done, now_ns, None)
        self.wire.send_bytes(message.serialise(serial=serial, fds=numbers), (fd,))

    def expire(self, now_ns: int) -> int | None:
        """End the calls that waited for too long. Returns when to ask again."""
        late = [serial for serial, each in self._sent.items() if each.until_ns is not None and each.until_ns <= now_ns]
        for serial in late:
            self._sent.pop(serial).done(failed(f"the VM did not answer within {_TIME_LIMIT_NS // 10**9} s"))
        return min((each.until_ns for each in self._sent.values() if each.until_ns is not None), default=None)

    def close(self, why: str) -> None:
        """Close the socket. The calls that wait fail."""
        self.wire.close()
        waiting, self._sent = self._sent, {}
        for each in waiting.values():
            each.done(failed(why))

    def _begin(self, now_ns: int) -> None:
        if self._bus_name is not None:
            for message in bus.first_calls(self._bus_name):
                self.wire.send(message)
        self._learn(names.VM_PATH, names.VM, now_ns)

    def _learn(self, path: str, interface: str, now_ns: int) -> None:
        """Ask for all properties of an interface, then for those of what they name."""
        self._to_learn += 1

        def told(result: CallResult) -> None:
            self._to_learn -= 1
            if result.error is None and len(result.body) == 1:
                self._set(path, interface, unwrapped(result.body[0]))
                self._learn_more(path, interface, now_ns)
            # What else is missing (a console that went away, an interface) is missing in the facts.
            self.ready = not self._to_learn and (names.VM_PATH, names.VM) in self.properties

        self.call(path, names.PROPERTIES, "GetAll", "s", (interface,), told, now_ns)

    def _learn_more(self, path: str, interface: str, now_ns: int) -> None:
        if interface == names.VM:
            for number in console_numbers(self.properties):
                self._learn(names.console_path(number), names.CONSOLE, now_ns)
            if names.CLIPBOARD in interfaces_of(self.properties[path, interface]):
                self._learn(names.CLIPBOARD_PATH, names.CLIPBOARD, now_ns)
        elif interface == names.CONSOLE:
            console = self.properties[path, interface]
            # Earlier versions of the interface have no such property (ui/dbus-display1.xml). They have these two.
            listed = interfaces_of(console) if "Interfaces" in console else (names.KEYBOARD, names.MOUSE)
            for part in _CONSOLE_PARTS:
                if part in listed:
                    self._learn(path, part, now_ns)

    def _set(self, path: str, interface: str, told: dict[str, Any]) -> None:
        if len(self.properties) < _MOST_PROPERTIES or (path, interface) in self.properties:
            self.properties = {**self.properties, (path, interface): MappingProxyType(told)}
            self.changes += 1

    def _take(self, message: Message, now_ns: int) -> None:
        kind, fields = message.header.message_type, message.header.fields
        sender = fields.get(HeaderFields.sender)
        if kind in {MessageType.method_return, MessageType.error}:
            # A bus tells the true sender; only the VM and the bus itself were asked.
            if (sent := self._sent.pop(fields[HeaderFields.reply_serial], None)) is not None:
                sent.done(_result(message, sent.sent_ns, now_ns))
                if fields.get(HeaderFields.error_name) == names.UNKNOWN_METHOD:
                    self._look_for_vm(now_ns)
        elif self._bus_name is not None and sender == bus.NAME:
            self.vm_left_bus = self.vm_left_bus or bus.says_that_it_left(message, self._bus_name)
        elif self._bus_name is None or sender == self._bus_name:
            if kind is MessageType.signal:
                self._take_signal(fields, message.body, now_ns)
            else:
                self._serve(message)

    def _look_for_vm(self, now_ns: int) -> None:
        """Look whether the VM's objects are still on this connection, after a call that found none.

        QEMU does not end the connection of a client whose clipboard it uses when another client takes the controls
        over (tried with 10.0.2): it only takes its objects away. The end makes it forget the clipboard.
        """
        if self._is_looking or not self.ready or self._bus_name is not None:
            return
        self._is_looking = True

        def told(result: CallResult) -> None:
            self._is_looking = False
            if result.error is not None and result.error[0] == names.UNKNOWN_METHOD:
                raise WireError("another client took the controls over")

        self.call(names.VM_PATH, names.PROPERTIES, "GetAll", "s", (names.VM,), told, now_ns)

    def _take_signal(self, fields: dict[HeaderFields, Any], body: tuple[Any, ...], now_ns: int) -> None:
        if (fields[HeaderFields.interface], fields[HeaderFields.member]) != (names.PROPERTIES, "PropertiesChanged"):
            return
        if fields.get(HeaderFields.signature) != "sa{sv}as":
            return
        interface, told, dropped = body
        path = fields[HeaderFields.path]
        if (known := self.properties.get((path, interface))) is not None:
            self._set(path, interface, changed(known, told))
            if dropped:
                self._learn(path, interface, now_ns)

    def _serve(self, call: Message) -> None:
        answer = self._answer(call)
        if not call.header.flags & MessageFlag.no_reply_expected:
            self.wire.send(answer)

    def _answer(self, call: Message) -> Message:
        fields = call.header.fields
        path, interface, member = (
            fields.get(each) for each in (HeaderFields.path, HeaderFields.interface, HeaderFields.member)
        )
        if interface == "org.freedesktop.DBus.Peer" and member == "Ping":
            return method_return(call)
        if (
            interface == names.PROPERTIES
            and member == "GetAll"
            and fields.get(HeaderFields.signature) == "s"
            and (path, call.body[0]) in self._served
        ):
            # QEMU waits for this when it makes its proxy of our clipboard.
            return method_return(call, "a{sv}", ({"Interfaces": ("as", [])},))
        handle = self._served.get((path, interface))
        if handle is None:
            return error_reply(call, names.UNKNOWN_METHOD, "there is no such object")
        try:
            return method_return(call, *handle(member, call.body))
        except LookupError:
            return error_reply(call, names.UNKNOWN_METHOD, "there is no such method")


def _result(message: Message, sent_ns: int, now_ns: int) -> CallResult:
    if message.header.message_type is MessageType.method_return:
        return CallResult(body=message.body, sent_ns=sent_ns, received_ns=now_ns)
    words = message.body[0] if message.body and isinstance(message.body[0], str) else ""
    name = clean_line(message.header.fields[HeaderFields.error_name])
    return CallResult(error=(name, clean_line(words)), sent_ns=sent_ns, received_ns=now_ns)


def _ignore(_: CallResult) -> None:
    pass
