"""A Wayland compositor that answers what a test wants, in the place of libwayland-client."""

import ctypes
from collections.abc import Sequence
from typing import Any

from ui.window.wayland.wayland_client import Handler, interface, wl_argument, wl_interface

SURFACE = 0x5555_0000_1000
CLOCK_MONOTONIC = 1


class FakeCompositor:
    """Has the methods of :class:`ui.window.wayland.wayland_client.Library`. ``alive`` are the objects that exist."""

    def __init__(self, *, offers: bool = True, clock: int = CLOCK_MONOTONIC) -> None:
        self._offers, self._clock = offers, clock
        self.alive: dict[int, str] = {}
        self.handlers: dict[int, Handler] = {}
        self.broken = False
        self._next = 0x1_0000_0000

    def core(self, name: str) -> wl_interface:
        return interface(name, [])

    def create(
        self,
        proxy: int,
        opcode: int,
        created: wl_interface,
        *arguments: int | bytes | None,
        handler: Handler | None = None,
        version: int | None = None,
    ) -> int:
        if self.broken:
            raise OSError("libwayland-client could not create an object")
        self._next += 8
        self.alive[self._next] = created.name.decode()
        if handler is not None:
            self.listen(self._next, handler)
        return self._next

    def listen(self, proxy: int, handler: Handler) -> None:
        self.handlers[proxy] = handler

    def destroy(self, proxy: int, opcode: int | None) -> None:
        del self.alive[proxy]
        self.handlers.pop(proxy, None)

    def flush(self, display: int) -> None:
        pass

    def announce(self) -> None:
        """Tell the globals, and that these were all; then the clock."""
        if self._offers:
            self.send("wl_registry", 0, 7, b"wp_presentation", 1)
            self.send("wp_presentation", 0, self._clock)
        self.send("wl_callback", 0, 0)

    def feedbacks(self) -> list[int]:
        """The requests that were not answered, in their order."""
        return [proxy for proxy, name in self.alive.items() if name == "wp_presentation_feedback"]

    def send(self, name: str, opcode: int, *values: int | bytes) -> None:
        """An event of the first object with this interface."""
        self.event(next(proxy for proxy, kind in self.alive.items() if kind == name), opcode, values)

    def event(self, proxy: int, opcode: int, values: Sequence[Any]) -> None:
        arguments = (wl_argument * 8)()
        for argument, value in zip(arguments, values, strict=False):
            if isinstance(value, bytes):
                argument.s = value
            else:
                argument.u = value
        self.handlers[proxy](opcode, arguments)

    def show(self, feedback: int, ns: int, flags: int = 0) -> None:
        """Answer that a picture was on the screen at ``ns`` of the clock."""
        seconds, rest = divmod(ns, 1_000_000_000)
        self.event(feedback, 1, (seconds >> 32, seconds & 0xFFFF_FFFF, rest, 16_666_667, 0, 1, flags))


assert ctypes.sizeof(wl_argument) == 8
