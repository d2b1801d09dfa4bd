"""Finds the VMs on a bus, and connects to it.

QEMU asks for the name ``org.qemu``, and every further VM queues for it (ui/dbus.c). So a VM is told by its unique name,
and the bus tells the process that has this name. The address of a bus may come from a VM's command line, which is a
claim: the path may be another user's.
"""

import select
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from jeepney import HeaderFields, Message, MessageType

from app.dbus_display.wire.messages import NotDbus, WireError, close_fds, method_call
from app.dbus_display.wire.names import BUS_NAME
from app.dbus_display.wire.wire import Wire
from app.errors import NoSuchDevice, OpenFailed, PermissionDenied, error_text
from app.host import foreign_path_program
from app.host.foreign_path import connect_in_child, is_foreign
from app.qemu.qmp_address import UnixAddress, socket_name

LIMIT_S = 4.0
"""The time for the connection and all questions in seconds."""

_DRIVER = "org.freedesktop.DBus"
# Questions are small; so are their answers.
_LARGEST = 1 << 16
# Any client of the bus may queue for the name.
_MOST_VMS = 64
_BACKLOG_STEP_S = 0.05
_AS_ITS_USER = "run mdevview as the user of the VM, or as root"


@dataclass(frozen=True, slots=True)
class BusVm:
    """A client of the bus that wants QEMU's name. ``pid`` is None if the bus does not know its process."""

    unique_name: str
    pid: int | None


def connect(address: UnixAddress, owner: int | None, limit_s: float = LIMIT_S) -> socket.socket:
    """A connected socket, on which nothing was sent. ``owner`` is the process that named the address; None: the user.

    Raises OpenFailed, PermissionDenied or NoSuchDevice.
    """
    until = time.monotonic() + limit_s
    try:
        return _connect(address, owner, until)
    except PermissionError as error:
        raise PermissionDenied(f"you have no permission to use the bus {address}", _AS_ITS_USER) from error
    except FileNotFoundError as error:
        raise NoSuchDevice(f"there is no bus {address}", "it may have ended, or be in another container") from error
    except ConnectionRefusedError as error:
        raise NoSuchDevice(f"nothing listens at the bus {address}", "start the bus again, and then the VM") from error
    except OSError as error:
        raise OpenFailed(f"the bus {address}: {error_text(error)}", "try again") from error


def vms_on(address: UnixAddress, owner: int | None, limit_s: float = LIMIT_S) -> tuple[BusVm, ...]:
    """The VMs on a bus, in the order in which they asked for the name. Raises as :func:`connect`."""
    until = time.monotonic() + limit_s
    with closing(_Caller(Wire(connect(address, owner, limit_s), _LARGEST), until)) as caller:
        try:
            caller.begin()
            found = caller.call("ListQueuedOwners", BUS_NAME)
            names = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
            return tuple(
                BusVm(each, _pid(caller.call("GetConnectionUnixProcessID", each))) for each in names[:_MOST_VMS]
            )
        except _Refused as refused:
            raise PermissionDenied(f"the bus {address} refuses this user: {refused}", _AS_ITS_USER) from refused
        except WireError as error:
            raise OpenFailed(f"{address} does not answer as a bus: {error}", "give the address of a bus") from error
        except TimeoutError as error:
            raise OpenFailed(f"the bus {address} does not answer", "try again") from error


class _Refused(Exception):
    """The bus refused this user."""


class _Caller:
    """Calls methods of the bus one after the other. Owns the connection. Raises WireError and TimeoutError."""

    def __init__(self, wire: Wire, until: float) -> None:
        self._wire = wire
        self._until = until
        self._poll = select.poll()
        self._poll.register(wire.fileno(), select.POLLIN)

    def begin(self) -> None:
        """Authenticate and say Hello, which the bus wants to hear first. Raises _Refused and NotDbus."""
        try:
            self._wire.start()
            while not self._wire.authenticated:
                self._wait()
                self._drop(self._wire.receive())
            # dbus-daemon lets anybody authenticate, and then hangs up if the user may not use the bus.
            self.call("Hello")
        except NotDbus:
            raise
        except WireError as error:
            raise _Refused(str(error)) from error

    def call(self, member: str, *texts: str) -> Any:
        """The value that the bus returns; None for an error, or for no value."""
        serial = self._wire.next_serial()
        signature = "s" * len(texts)
        self._wire.send(method_call("/org/freedesktop/DBus", _DRIVER, member, signature, texts, _DRIVER), serial)
        while True:
            message = self._wire.receive()
            if message is None or time.monotonic() >= self._until:
                # Also while other messages come one after the other.
                self._drop(message)
                self._wait()
                continue
            fields = message.header.fields
            if fields.get(HeaderFields.reply_serial) != serial:
                self._drop(message)
                continue
            if message.header.message_type is not MessageType.method_return or not message.body:
                self._drop(message)
                return None
            return message.body[0]

    def close(self) -> None:
        self._wire.close()

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0 or not self._poll.poll(left * 1000):
            raise TimeoutError

    def _drop(self, message: Message | None) -> None:
        if message is not None:
            close_fds(message.body)


def _pid(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _connect(address: UnixAddress, owner: int | None, until: float) -> socket.socket:
    """Raises OSError."""
    if owner is not None and not address.abstract and is_foreign(owner):
        with connect_in_child(address.path) as child:
            _, fd = child.receive(max(0.1, until - time.monotonic()))
        if fd is None:
            raise TimeoutError
        return socket.socket(fileno=fd)
    while True:
        try:
            return foreign_path_program.connect(socket_name(address))
        except BlockingIOError:
            # The backlog of the bus is full.
            if time.monotonic() >= until:
                raise
        time.sleep(_BACKLOG_STEP_S)
