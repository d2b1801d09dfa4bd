"""Plays QEMU's side of a p2p display: it answers as QEMU 10.0.2, and sends a listener whatever a test wants.

As with QEMU, it is the server that the client authenticates to, on the control connection and on each listener.
"""

import queue
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from jeepney import HeaderFields, Message, MessageType

from tests.qemu import peer
from tests.qemu.peer import Peer

_ROOT = "/org/qemu/Display1"
_DISPLAY = "org.qemu.Display1"
_DBUS = "org.freedesktop.DBus"
_INPUT = (f"{_DISPLAY}.Keyboard", f"{_DISPLAY}.Mouse", f"{_DISPLAY}.MultiTouch")
_PATIENCE_S = 20.0

Properties = dict[str, tuple[str, Any]]
"""Names of properties, and their signatures and values."""

SIGNATURES = {
    "Scanout": (f"{_DISPLAY}.Listener", "uuuuay"),
    "Update": (f"{_DISPLAY}.Listener", "iiiiuuay"),
    "ScanoutDMABUF": (f"{_DISPLAY}.Listener", "huuuutb"),
    "UpdateDMABUF": (f"{_DISPLAY}.Listener", "iiii"),
    "Disable": (f"{_DISPLAY}.Listener", ""),
    "MouseSet": (f"{_DISPLAY}.Listener", "iii"),
    "CursorDefine": (f"{_DISPLAY}.Listener", "iiiiay"),
    "ScanoutMap": (f"{_DISPLAY}.Listener.Unix.Map", "huuuuu"),
    "UpdateMap": (f"{_DISPLAY}.Listener.Unix.Map", "iiii"),
    "ScanoutDMABUF2": (f"{_DISPLAY}.Listener.Unix.ScanoutDMABUF2", "ahuuuuauauuuuutb"),
}
"""The calls of a listener: interface and signature (QEMU's ui/dbus-display1.xml)."""


def console(
    number: int = 0, width: int = 640, height: int = 480, head: int = 0, graphic: bool = True, address: str = ""
) -> dict[str, Properties]:
    """The interfaces and properties of a console, as those of a VGA."""
    properties: Properties = {
        "Label": ("s", f"gpu{number}"),
        "Head": ("u", head),
        "Type": ("s", "Graphic" if graphic else "Text"),
        "Width": ("u", width),
        "Height": ("u", height),
        "DeviceAddress": ("s", address or f"pci/0000/{number + 2:02x}.0"),
        "Interfaces": ("as", list(_INPUT)),
    }
    return {
        f"{_DISPLAY}.Console": properties,
        f"{_DISPLAY}.Keyboard": {"Modifiers": ("u", 0)},
        f"{_DISPLAY}.Mouse": {"IsAbsolute": ("b", False)},
        f"{_DISPLAY}.MultiTouch": {"MaxSlots": ("i", 10)},
    }


class FakeListener(Peer):
    """QEMU's end of a registered listener, authenticated. ``interfaces`` are those that the client offers."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        super().__init__(connection)
        self.console = number
        self.interfaces: tuple[str, ...] = ()

    def ask_interfaces(self) -> None:
        """What QEMU asks first: which interfaces there are, and the properties of each of them."""
        (answer,) = self.call(f"{_ROOT}/Listener", f"{_DBUS}.Properties", "GetAll", "s", (f"{_DISPLAY}.Listener",))
        self.interfaces = tuple(answer.get("Interfaces", ("as", []))[1])
        for each in self.interfaces:
            self.call(f"{_ROOT}/Listener", f"{_DBUS}.Properties", "GetAll", "s", (each,))

    def start(self, member: str, *arguments: Any) -> int:
        """Call a member of the listener (one of :data:`SIGNATURES`) and do not wait. Returns the serial number.

        An fd is passed as a FileDescriptor (:func:`tests.qemu.peer.duplicate`), which is closed here.
        """
        interface, signature = SIGNATURES[member]
        return self.send(peer.method_call(f"{_ROOT}/Listener", interface, member, signature, arguments))

    def do(self, member: str, *arguments: Any) -> None:
        """The same, until the answer has come. Raises PeerError if the client refuses, EOFError if it hangs up."""
        self.reply_to(self.start(member, *arguments))


class FakeVm:
    """A VM's display, with a thread for its control connection. A context manager.

    ``properties`` may be changed before the client asks. ``errors`` are the members that it refuses, and the name and
    words of the error. ``calls`` are path, interface, member and arguments of all calls so far. With ``ask`` it asks a
    new listener for its interfaces as QEMU does, and with ``authenticate`` off it leaves the listener alone entirely.
    """

    def __init__(
        self,
        consoles: Sequence[dict[str, Properties]] = (),
        name: str = "QEMU 10.0.2",
        uuid: str = "00000000-0000-0000-0000-000000000000",
        ask: bool = True,
        authenticate: bool = True,
    ) -> None:
        listed = list(consoles) or [console()]
        self.properties: dict[str, dict[str, Properties]] = {
            f"{_ROOT}/VM": {
                f"{_DISPLAY}.VM": {
                    "Name": ("s", name),
                    "UUID": ("s", uuid),
                    "ConsoleIDs": ("au", list(range(len(listed)))),
                    "Interfaces": ("as", []),
                }
            },
            f"{_ROOT}/Clipboard": {f"{_DISPLAY}.Clipboard": {"Interfaces": ("as", [])}},
            **{f"{_ROOT}/Console_{number}": each for number, each in enumerate(listed)},
        }
        self.errors: dict[str, tuple[str, str]] = {}
        self.calls: list[tuple[str, str, str, tuple[Any, ...]]] = []
        self._ask, self._authenticate = ask, authenticate
        self._listeners: queue.Queue[FakeListener] = queue.Queue()
        self._all: list[FakeListener] = []
        self._control: Peer | None = None
        self._lock = threading.Lock()
        # Not the lock for sending, which a send to a client that does not read holds until the connection is ended.
        self._connecting = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def connect(self) -> socket.socket:
        """A client's end of a new control connection, not authenticated. The one before loses its own.

        Raises ConnectionError after the end of the VM.
        """
        with self._connecting:
            if self._ended:
                raise ConnectionError("the VM has ended")
            ours, theirs = socket.socketpair()
            self.hang_up()
            self._control = Peer(theirs)
            thread = threading.Thread(target=self._serve, args=(self._control,), name="fake VM's display")
            self._threads.append(thread)
            thread.start()
            return ours

    def listener(self, timeout_s: float = _PATIENCE_S) -> FakeListener:
        """The next registered listener. Raises queue.Empty. The VM closes it, if the test does not."""
        return self._listeners.get(timeout=timeout_s)

    def change(self, path: str, interface: str, name: str, value: Any) -> None:
        """Change a property and tell the client (PropertiesChanged)."""
        signature, _ = self.properties[path][interface][name]
        self.properties[path][interface][name] = (signature, value)
        body: tuple[Any, ...] = (interface, {name: (signature, value)}, [])
        self.send(peer.signal(path, f"{_DBUS}.Properties", "PropertiesChanged", "sa{sv}as", body))

    def send(self, message: Message) -> None:
        """Send any message on the control connection."""
        assert self._control is not None
        with self._lock:
            self._control.send(message)

    def hang_up(self) -> None:
        """End the control connection, as QEMU does when another client comes. Listeners live on."""
        if self._control is not None:
            with suppress(OSError):
                self._control.socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """End all connections, as the end of the VM does."""
        with self._connecting:
            self._ended = True
            self.hang_up()
        for thread in self._threads:
            thread.join()
        for each in self._all:
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.end()

    def _serve(self, control: Peer) -> None:
        # The client may leave at any time, or the test ends the connection.
        with suppress(OSError, EOFError):
            peer.accept(control.socket)
            control.socket.settimeout(None)
            while True:
                self._answer(control, control.receive())
        control.close()

    def _answer(self, control: Peer, call: Message) -> None:
        if call.header.message_type is not MessageType.method_call:
            return
        fields = call.header.fields
        path, member = fields[HeaderFields.path], fields[HeaderFields.member]
        interface = fields.get(HeaderFields.interface, "")
        self.calls.append((path, interface, member, call.body))
        reply = self._reply(call, path, interface, member)
        with self._lock:
            control.send(reply)
        if member == "RegisterListener":
            self._register(call, int(path.rpartition("_")[2]))
        else:
            peer.close_fds(call.body)

    def _reply(self, call: Message, path: str, interface: str, member: str) -> Message:
        if member in self.errors:
            return peer.error(call, *self.errors[member])
        interfaces = self.properties.get(path)
        if interface == f"{_DBUS}.ObjectManager" and path == _ROOT:
            return peer.method_return(call, "a{oa{sa{sv}}}", (self.properties,))
        if interfaces is None:
            return peer.error(call, f"{_DBUS}.Error.UnknownMethod", f"Object does not exist at path “{path}”")
        if interface == f"{_DBUS}.Properties" and member == "GetAll":
            if (found := interfaces.get(call.body[0])) is not None:
                return peer.method_return(call, "a{sv}", (found,))
            return peer.error(call, f"{_DBUS}.Error.InvalidArgs", f"No such interface “{call.body[0]}”")
        if interface not in interfaces:
            return peer.error(call, f"{_DBUS}.Error.UnknownMethod", f"No such interface “{interface}”")
        return peer.method_return(call)

    def _register(self, call: Message, number: int) -> None:
        (handed,) = call.body
        if "RegisterListener" in self.errors:
            handed.close()
            return
        listener = FakeListener(handed.to_socket(), number)
        self._all.append(listener)
        if self._authenticate:
            try:
                peer.accept(listener.socket)
                if self._ask:
                    listener.ask_interfaces()
            except (OSError, EOFError):
                return
        self._listeners.put(listener)
