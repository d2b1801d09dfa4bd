"""The part of libwayland-client that a few requests on Qt's connection need: ctypes, with the library's names.

All proxies here are in Qt's default queue, so Qt dispatches their events in the window's thread.
"""

import ctypes
import logging
from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, POINTER, Structure, Union, c_char_p, c_int, c_int32, c_uint32, c_void_p

_log = logging.getLogger(__name__)

_MARSHAL_FLAG_DESTROY = 1

LEAST_ADDRESS = 0x10000
"""Addresses are above the first page; the numbers that an older Qt gives to its windows are not."""


class wl_message(Structure):  # noqa: N801
    _fields_ = [("name", c_char_p), ("signature", c_char_p), ("types", c_void_p)]


class wl_interface(Structure):  # noqa: N801
    _fields_ = [
        ("name", c_char_p),
        ("version", c_int),
        ("method_count", c_int),
        ("methods", POINTER(wl_message)),
        ("event_count", c_int),
        ("events", POINTER(wl_message)),
    ]


class wl_argument(Union):  # noqa: N801
    _fields_ = [
        ("i", c_int32),
        ("u", c_uint32),
        ("f", c_int32),
        ("s", c_char_p),
        ("o", c_void_p),
        ("n", c_uint32),
        ("a", c_void_p),
        ("h", c_int32),
    ]


_Messages = Sequence[tuple[str, str]]
# The library reads none of these types, but needs an entry for each argument.
_NO_TYPES = (c_void_p * 8)()


def interface(name: str, requests: _Messages, events: _Messages = ()) -> wl_interface:
    """An interface of version 1. Each message is (name, signature)."""

    def messages(of: _Messages) -> "ctypes.Array[wl_message]":
        types = ctypes.addressof(_NO_TYPES)
        return (wl_message * len(of))(*(wl_message(n.encode(), s.encode(), types) for n, s in of))

    return wl_interface(name.encode(), 1, len(requests), messages(requests), len(events), messages(events))


Handler = Callable[[int, "ctypes.Array[wl_argument]"], None]
"""Called with the event's opcode and its arguments."""

_DISPATCHER = CFUNCTYPE(c_int, c_void_p, c_void_p, c_uint32, c_void_p, POINTER(wl_argument))


class Library:
    """The library that Qt has loaded. Raises OSError if there is none, AttributeError if it is too old."""

    def __init__(self) -> None:
        self._so = ctypes.CDLL("libwayland-client.so.0")
        so = self._so
        self._marshal = so.wl_proxy_marshal_array_flags
        self._marshal.restype = c_void_p
        self._marshal.argtypes = [c_void_p, c_uint32, c_void_p, c_uint32, c_uint32, POINTER(wl_argument)]
        self._version = so.wl_proxy_get_version
        self._version.restype, self._version.argtypes = c_uint32, [c_void_p]
        self._flush = so.wl_display_flush
        self._flush.argtypes = [c_void_p]
        self._destroy = so.wl_proxy_destroy
        self._destroy.restype, self._destroy.argtypes = None, [c_void_p]
        self._add_dispatcher = so.wl_proxy_add_dispatcher
        self._add_dispatcher.argtypes = [c_void_p, _DISPATCHER, c_void_p, c_void_p]
        # By proxy. A handler must live as long as its proxy.
        self._handlers: dict[int, Handler] = {}
        self._dispatcher = _DISPATCHER(self._dispatch)

    def core(self, name: str) -> wl_interface:
        """An interface of the core protocol."""
        return wl_interface.in_dll(self._so, f"{name}_interface")

    def version(self, proxy: int) -> int:
        return int(self._version(proxy))

    def request(self, proxy: int, opcode: int, *arguments: int | bytes | None) -> None:
        """Make a request. Objects are addresses, None is no object."""
        self._marshal(proxy, opcode, None, self.version(proxy), 0, _arguments(arguments))

    def create(
        self,
        proxy: int,
        opcode: int,
        created: wl_interface,
        *arguments: int | bytes | None,
        handler: Handler | None = None,
        version: int | None = None,
    ) -> int:
        """A request that creates an object, which is a 0 among the arguments. Raises OSError if there is no memory."""
        version = self.version(proxy) if version is None else version
        new = self._marshal(proxy, opcode, ctypes.addressof(created), version, 0, _arguments(arguments))
        if not new:
            raise OSError("libwayland-client could not create an object")
        if handler is not None:
            self.listen(new, handler)
        return int(new)

    def listen(self, proxy: int, handler: Handler) -> None:
        """Handle the events of an object that was created without a handler, before any event can be there."""
        self._handlers[proxy] = handler
        self._add_dispatcher(proxy, self._dispatcher, None, None)

    def destroy(self, proxy: int, opcode: int | None) -> None:
        """Destroy an object, by its own request if it has one. No event comes after this."""
        self._handlers.pop(proxy, None)
        if opcode is None:
            self._destroy(proxy)
        else:
            self._marshal(proxy, opcode, None, self.version(proxy), _MARSHAL_FLAG_DESTROY, _arguments(()))

    def flush(self, display: int) -> None:
        self._flush(display)

    def _dispatch(self, _data: int, target: int, opcode: int, _message: int, arguments: object) -> int:
        handler = self._handlers.get(target)
        if handler is not None:
            try:
                handler(opcode, arguments)  # type: ignore[arg-type]
            except Exception:
                # An exception cannot pass through the C library.
                _log.exception("a Wayland event was not handled")
        return 0


def _arguments(values: Sequence[int | bytes | None]) -> "ctypes.Array[wl_argument]":
    arguments = (wl_argument * max(1, len(values)))()
    for argument, value in zip(arguments, values, strict=False):
        if isinstance(value, bytes):
            argument.s = value
        elif value is None or value > 0xFFFF_FFFF:
            argument.o = value
        else:
            # Also correct for an object's address below 4 GiB, because the rest of the union is zero.
            argument.u = value
    return arguments
