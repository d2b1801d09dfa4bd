"""Keeps a Wayland compositor from blanking the screen, where no desktop answers on the session bus: sway, for instance.

Qt does not know the protocol (idle-inhibit-unstable-v1 of wayland-protocols), but its connection can be used, as in
:mod:`ui.window.wayland.wayland_grab`. The compositor forgets the request when the program ends, and heeds it only while
the surface can be seen.
"""

import logging
from ctypes import Array

from ui.window.wayland.wayland_client import LEAST_ADDRESS, Library, interface, wl_argument
from ui.window.wayland.wayland_grab import qt_display

_log = logging.getLogger(__name__)

_MANAGER = interface("zwp_idle_inhibit_manager_v1", [("destroy", ""), ("create_inhibitor", "no")])
_INHIBITOR = interface("zwp_idle_inhibitor_v1", [("destroy", "")])

# Opcodes of the core protocol (wayland.xml) and of idle-inhibit-unstable-v1.xml.
_DISPLAY_GET_REGISTRY, _REGISTRY_BIND = 1, 0
_CREATE_INHIBITOR, _DESTROY = 1, 0


def wayland_idle() -> "WaylandIdle | None":
    """None on other platforms, and if Qt or the library is too old."""
    try:
        display = qt_display()
        return WaylandIdle(Library(), display) if display is not None else None
    except (AttributeError, TypeError, OSError) as error:
        _log.info("the compositor is not asked to leave the screen on: %s", error)
        return None


class WaylandIdle:
    """Holds at most one request, for one surface."""

    def __init__(self, library: Library, display: int) -> None:
        self._library, self._display = library, display
        self._manager = self._inhibitor = self._surface = 0
        self._registry = library.create(
            display, _DISPLAY_GET_REGISTRY, library.core("wl_registry"), 0, handler=self._offered
        )
        library.flush(display)

    def inhibit(self, surface: int) -> None:
        """Leave the screen on while ``surface``, the address of a wl_surface, can be seen; 0 takes that back.

        An older Qt gives small numbers instead of addresses. They do nothing.
        """
        surface = surface if surface >= LEAST_ADDRESS else 0
        if surface == self._surface:
            return
        self._surface = surface
        self._request()

    def close(self) -> None:
        """Destroy all objects on Qt's connection; more calls do nothing."""
        self.inhibit(0)
        manager, self._manager = self._manager, 0
        registry, self._registry = self._registry, 0
        if manager:
            self._library.destroy(manager, _DESTROY)
        if registry:
            self._library.destroy(registry, None)
        self._library.flush(self._display)

    def _request(self) -> None:
        inhibitor, self._inhibitor = self._inhibitor, 0
        if inhibitor:
            self._library.destroy(inhibitor, _DESTROY)
        if self._surface and self._manager:
            self._inhibitor = self._library.create(self._manager, _CREATE_INHIBITOR, _INHIBITOR, 0, self._surface)
        self._library.flush(self._display)

    def _offered(self, opcode: int, arguments: "Array[wl_argument]") -> None:
        """The compositor has announced a global: its number, interface and version."""
        if opcode == 0 and arguments[1].s == _MANAGER.name and not self._manager:
            self._manager = self._library.create(
                self._registry, _REGISTRY_BIND, _MANAGER, arguments[0].u, _MANAGER.name, 1, 0, version=1
            )
            self._request()
